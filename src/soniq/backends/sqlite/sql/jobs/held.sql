SELECT cancel_requested AND status = 'processing' FROM soniq_jobs
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status IN ('processing', 'done')

SELECT cancel_requested FROM soniq_jobs
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status = 'processing'

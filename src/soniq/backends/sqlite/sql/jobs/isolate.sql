UPDATE soniq_jobs
SET isolated_fence = fence
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status = 'processing'

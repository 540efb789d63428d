UPDATE soniq_jobs
SET status = 'cancelled', finished_at = :now
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status = 'processing'
RETURNING started_at, status

-- The end of a handler's transaction; the result comes later.
UPDATE soniq_jobs
SET status = 'done', finished_at = :now
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status = 'processing'
RETURNING started_at

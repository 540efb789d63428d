UPDATE soniq_jobs
SET status = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END,
    finished_at = CASE WHEN cancel_requested THEN :now END,
    worker_id = NULL, attempts = attempts - 1,
    unique_key = CASE WHEN EXISTS (
        SELECT 1 FROM soniq_jobs AS other
        WHERE other.unique_key = soniq_jobs.unique_key AND other.status = 'queued'
    ) THEN NULL ELSE unique_key END
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status = 'processing'
RETURNING started_at, status

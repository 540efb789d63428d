UPDATE soniq_jobs
SET status = 'processing', attempts = attempts + 1, fence = fence + 1,
    worker_id = :worker, started_at = :now
WHERE id IN (SELECT value FROM json_each(:ids)) AND status = 'queued'
RETURNING id, job_name, queue, args, attempts, max_attempts, fence, scheduled_at, created_at,
    crashes

-- Everything is checked again: since jobs/orphans the worker may have settled the job, or renewed.
-- What has crashed how often can't have changed under the same fence.
UPDATE soniq_jobs AS job
SET status = CASE WHEN job.cancel_requested THEN 'cancelled' ELSE 'queued' END,
    finished_at = CASE WHEN job.cancel_requested THEN COALESCE($1::timestamptz, now()) END,
    worker_id = NULL,
    attempts = LEAST(job.attempts, job.max_attempts - 1),
    crashes = job.crashes + 1,
    last_error = $5,
    last_traceback = NULL,
    -- A key that another waiting job holds by now is given up; $3 false: it is given up in any case.
    unique_key = CASE
        WHEN $3::boolean AND NOT EXISTS (
            SELECT FROM soniq_jobs AS other
            WHERE other.status = 'queued' AND other.unique_key = job.unique_key
        ) THEN job.unique_key
    END
WHERE job.id = $2
    AND job.fence = $4
    AND job.status || '' = 'processing'
    AND NOT EXISTS (
        SELECT FROM soniq_workers AS worker
        WHERE worker.id = job.worker_id
            AND worker.expires_at > COALESCE($1::timestamptz, now())
    )
RETURNING job.id

-- Everything is checked again, as in jobs/rescue.
WITH gone AS (
    DELETE FROM soniq_jobs AS job
    WHERE job.id = $2
        AND job.fence = $3
        AND job.status || '' = 'processing'
        AND NOT job.cancel_requested
        AND NOT EXISTS (
            SELECT FROM soniq_workers AS worker
            WHERE worker.id = job.worker_id
                AND worker.expires_at > COALESCE($1::timestamptz, now())
        )
    RETURNING job.*
)
INSERT INTO soniq_dead_letter_jobs (
    id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at, created_at,
    started_at, finished_at, worker_id, last_error, last_traceback, crashes
)
SELECT
    id, job_name, queue, priority, args, attempts, max_attempts, $4, scheduled_at, created_at,
    started_at, COALESCE($1::timestamptz, now()), worker_id, $5, NULL, crashes + 1
FROM gone
-- An id that was buried, inserted anew and buried again keeps its latest end.
ON CONFLICT (id) DO UPDATE SET
    attempts = excluded.attempts,
    reason = excluded.reason,
    started_at = excluded.started_at,
    finished_at = excluded.finished_at,
    worker_id = excluded.worker_id,
    last_error = excluded.last_error,
    last_traceback = excluded.last_traceback,
    crashes = excluded.crashes
RETURNING id

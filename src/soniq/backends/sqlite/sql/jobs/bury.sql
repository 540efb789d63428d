-- First of two: jobs/remove follows in the same transaction.
INSERT INTO soniq_dead_letter_jobs (
    id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at, created_at,
    started_at, finished_at, worker_id, last_error, last_traceback, crashes, headers
)
SELECT id, job_name, queue, priority, args, attempts, max_attempts, :reason, scheduled_at,
    created_at, started_at, :now, worker_id, :last_error, :last_traceback,
    crashes + (:reason = 'worker_crashed'), headers
FROM soniq_jobs
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status = 'processing'
-- An id that was buried, inserted anew and buried again keeps its latest end.
ON CONFLICT (id) DO UPDATE SET
    attempts = excluded.attempts, reason = excluded.reason, started_at = excluded.started_at,
    finished_at = excluded.finished_at, worker_id = excluded.worker_id,
    last_error = excluded.last_error, last_traceback = excluded.last_traceback,
    crashes = excluded.crashes
RETURNING started_at, 'buried'

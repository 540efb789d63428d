INSERT INTO soniq_attempts (
    job_id, fence, attempt, worker_id, outcome, started_at, finished_at, error, traceback
)
VALUES (
    :id, :fence, :attempt, :worker_id, :outcome, :started_at, :finished_at, :error, :traceback
)
-- An id that was buried and inserted anew counts its claims anew.
ON CONFLICT (job_id, fence) DO UPDATE SET
    attempt = excluded.attempt, worker_id = excluded.worker_id, outcome = excluded.outcome,
    started_at = excluded.started_at, finished_at = excluded.finished_at,
    error = excluded.error, traceback = excluded.traceback

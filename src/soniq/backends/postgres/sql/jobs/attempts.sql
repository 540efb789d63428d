SELECT attempt, worker_id, outcome, started_at, finished_at, error, traceback
FROM soniq_attempts
WHERE job_id = $1
ORDER BY finished_at, fence

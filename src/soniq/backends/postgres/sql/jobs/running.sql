-- Of the jobs that run there are never more than workers have slots: all are read and sorted.
SELECT
    id, job_name, queue, priority, status, args, attempts, max_attempts, scheduled_at, created_at,
    started_at, finished_at, worker_id, result, result_error, last_error, last_traceback, unique_key,
    crashes, headers
FROM soniq_jobs
WHERE status = 'processing'
ORDER BY started_at, id
LIMIT $1

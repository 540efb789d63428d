SELECT id, job_name, queue, priority, status, args, attempts, max_attempts, scheduled_at,
    created_at, started_at, finished_at, worker_id, result, result_error, last_error,
    last_traceback, unique_key, crashes, headers
FROM soniq_jobs
WHERE id IN (SELECT value FROM json_each(:ids))

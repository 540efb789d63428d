SELECT
    id, job_name, queue, priority, status, args, attempts, max_attempts, scheduled_at, created_at,
    started_at, finished_at, worker_id, result, result_error, last_error, last_traceback, unique_key,
    crashes, headers
FROM soniq_jobs
WHERE ($1::text IS NULL OR queue = $1)
    AND ($2::text IS NULL OR status = $2)
    AND ($3::text IS NULL OR job_name = $3)
ORDER BY id DESC
LIMIT $4 OFFSET $5

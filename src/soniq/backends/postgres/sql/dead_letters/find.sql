SELECT
    id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at, created_at,
    started_at, finished_at, worker_id, last_error, last_traceback, crashes, resurrection_count,
    resurrected_at, headers
FROM soniq_dead_letter_jobs
WHERE ($1::text IS NULL OR queue = $1)
    AND ($2::text IS NULL OR job_name = $2)
    AND ($3::text IS NULL OR reason = $3)
    AND ($4::boolean IS NULL OR (resurrection_count > 0) = $4)
ORDER BY finished_at DESC, id DESC
LIMIT $5 OFFSET $6

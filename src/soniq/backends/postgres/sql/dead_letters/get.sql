SELECT
    id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at, created_at,
    started_at, finished_at, worker_id, last_error, last_traceback, crashes, resurrection_count,
    resurrected_at, headers
FROM soniq_dead_letter_jobs
WHERE id = $1

SELECT id, job_name, queue, reason, left(last_error, 500) AS error, finished_at, resurrection_count
FROM soniq_dead_letter_jobs
ORDER BY finished_at DESC, id DESC
LIMIT $1

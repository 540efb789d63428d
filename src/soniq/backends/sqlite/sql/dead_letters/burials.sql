SELECT id, job_name, queue, reason, substr(last_error, 1, 500), finished_at, resurrection_count
FROM soniq_dead_letter_jobs
ORDER BY finished_at DESC, id DESC
LIMIT :limit

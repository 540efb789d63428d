SELECT queue, job_name, reason, count(*)
FROM (
    SELECT queue, job_name, reason
    FROM soniq_dead_letter_jobs
    ORDER BY finished_at DESC, id DESC
    LIMIT :limit
)
GROUP BY queue, job_name, reason
ORDER BY queue, job_name, reason

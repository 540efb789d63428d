SELECT queue, job_name, reason, count(*) AS number
FROM (
    SELECT queue, job_name, reason
    FROM soniq_dead_letter_jobs
    ORDER BY finished_at DESC, id DESC
    LIMIT $1
) AS latest
GROUP BY queue, job_name, reason

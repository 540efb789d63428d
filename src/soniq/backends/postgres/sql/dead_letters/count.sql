SELECT queue, job_name, reason, count(*) AS number
FROM soniq_dead_letter_jobs
GROUP BY queue, job_name, reason

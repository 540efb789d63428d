SELECT queue, job_name, reason, count(*) FROM soniq_dead_letter_jobs
GROUP BY queue, job_name, reason
ORDER BY queue, job_name, reason

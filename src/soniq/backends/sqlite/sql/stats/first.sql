-- Of the first :limit jobs of a queue in the order of claims those that are due, by their tasks.
SELECT job_name, min(scheduled_at)
FROM (
    SELECT job_name, scheduled_at FROM soniq_jobs INDEXED BY soniq_jobs_claim
    WHERE status = 'queued' AND queue = :queue
    ORDER BY priority, scheduled_at, id
    LIMIT :limit
)
WHERE scheduled_at <= :now
GROUP BY job_name

-- The moment when the next job of one queue and priority is due.
SELECT scheduled_at FROM soniq_jobs INDEXED BY soniq_jobs_claim
WHERE status = 'queued' AND queue = :queue AND priority = :priority
    AND (:unknown IS NULL OR job_name NOT IN (SELECT value FROM json_each(:unknown)))
ORDER BY scheduled_at, id
LIMIT 1

-- The due jobs of one queue and priority: a range of the claim index that is in order already.
-- First the place of each in the order of claims, then the job as it will be once it is claimed.
SELECT priority, scheduled_at, id, rowid, job_name, queue, args, attempts + 1, max_attempts,
    fence + 1, created_at, crashes, headers
FROM soniq_jobs INDEXED BY soniq_jobs_claim
WHERE status = 'queued' AND queue = :queue AND priority = :priority AND scheduled_at <= :now
    AND (:unknown IS NULL OR job_name NOT IN (SELECT value FROM json_each(:unknown)))
ORDER BY scheduled_at, id
LIMIT :limit

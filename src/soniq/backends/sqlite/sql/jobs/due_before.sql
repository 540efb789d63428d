-- How many due jobs of one queue and priority come before a place in the order of claims, :limit at
-- most: a range of the claim index.
SELECT count(*) FROM (
    SELECT 1
    FROM soniq_jobs INDEXED BY soniq_jobs_claim
    WHERE status = 'queued' AND queue = :queue AND priority = :priority
        AND (scheduled_at, id) < (:due, :id)
    LIMIT :limit
)

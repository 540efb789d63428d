-- How many jobs of one queue and priority are due and how many are later, each up to :room, and the
-- first of either: four ranges of the claim index.
SELECT
    (
        SELECT count(*) FROM (
            SELECT 1 FROM soniq_jobs INDEXED BY soniq_jobs_claim
            WHERE status = 'queued' AND queue = :queue AND priority = :priority
                AND scheduled_at <= :now
            LIMIT :room
        )
    ),
    (
        SELECT count(*) FROM (
            SELECT 1 FROM soniq_jobs INDEXED BY soniq_jobs_claim
            WHERE status = 'queued' AND queue = :queue AND priority = :priority
                AND scheduled_at > :now
            LIMIT :room
        )
    ),
    (
        SELECT min(scheduled_at) FROM soniq_jobs INDEXED BY soniq_jobs_claim
        WHERE status = 'queued' AND queue = :queue AND priority = :priority
            AND scheduled_at <= :now
    ),
    (
        SELECT min(scheduled_at) FROM soniq_jobs INDEXED BY soniq_jobs_claim
        WHERE status = 'queued' AND queue = :queue AND priority = :priority
            AND scheduled_at > :now
    )

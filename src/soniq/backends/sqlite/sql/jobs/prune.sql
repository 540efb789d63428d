DELETE FROM soniq_jobs
WHERE id IN (
    SELECT id FROM soniq_jobs
    WHERE finished_at IS NOT NULL AND finished_at <= :before AND status IN ('done', 'cancelled')
    ORDER BY finished_at
    LIMIT :limit
)
RETURNING id

DELETE FROM soniq_jobs
WHERE id = ANY (ARRAY(
    SELECT id
    FROM soniq_jobs
    WHERE finished_at IS NOT NULL
        AND finished_at <= COALESCE($1::timestamptz, now()) - $2 * interval '1 second'
    ORDER BY finished_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
))
RETURNING id

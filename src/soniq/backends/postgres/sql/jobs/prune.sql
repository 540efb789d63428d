WITH gone AS (
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
    RETURNING id, fence, status
),
forgotten AS (
    -- Jobs that were done at the first try have no history.
    DELETE FROM soniq_attempts AS attempt
    WHERE attempt.job_id = ANY (ARRAY(
        SELECT gone.id
        FROM gone
        WHERE (gone.fence > 1 OR gone.status = 'cancelled')
            AND NOT EXISTS (SELECT FROM soniq_dead_letter_jobs AS letter WHERE letter.id = gone.id)
    ))
)
SELECT count(*) AS pruned FROM gone

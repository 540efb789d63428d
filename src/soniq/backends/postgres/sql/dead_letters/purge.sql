WITH gone AS (
    DELETE FROM soniq_dead_letter_jobs
    WHERE finished_at <= COALESCE($1::timestamptz, now()) - $2 * interval '1 second'
        AND ($3::text IS NULL OR queue = $3)
        AND ($4::text IS NULL OR job_name = $4)
    RETURNING id
),
forgotten AS (
    -- A job of the same id that has been claimed again keeps its history.
    DELETE FROM soniq_attempts AS attempt
    WHERE attempt.job_id = ANY (ARRAY(
        SELECT gone.id
        FROM gone
        WHERE NOT EXISTS (
            SELECT FROM soniq_jobs AS job WHERE job.id = gone.id AND job.fence > 1
        )
    ))
)
SELECT count(*) AS purged FROM gone

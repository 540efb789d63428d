WITH gone AS (
    DELETE FROM soniq_dead_letter_jobs WHERE id = $1 RETURNING id
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
SELECT id FROM gone

WITH gone AS (
    DELETE FROM soniq_dead_letter_jobs
    WHERE finished_at <= COALESCE($1::timestamptz, now()) - $2 * interval '1 second'
        AND ($3::text IS NULL OR queue = $3)
        AND ($4::text IS NULL OR job_name = $4)
    RETURNING id
)
SELECT count(*) AS purged FROM gone

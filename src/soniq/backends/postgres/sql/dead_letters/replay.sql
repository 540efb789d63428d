-- May run twice: what the first time has queued is found, and not counted again.
WITH letter AS (
    SELECT
        id, job_name, queue, priority, args, max_attempts, headers,
        COALESCE($1::timestamptz, now()) AS at
    FROM soniq_dead_letter_jobs
    WHERE id = $2
        AND (
            NOT $4::boolean
            OR resurrection_count = 0
            OR EXISTS (SELECT FROM soniq_jobs WHERE soniq_jobs.id = $3)
        )
    FOR UPDATE
),
queued AS (
    INSERT INTO soniq_jobs (
        id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at, headers
    )
    SELECT $3, job_name, queue, priority, at, args, max_attempts, at, headers
    FROM letter
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at
),
counted AS (
    UPDATE soniq_dead_letter_jobs AS record
    SET resurrection_count = record.resurrection_count + 1, resurrected_at = queued.created_at
    FROM queued
    WHERE record.id = $2
)
SELECT id FROM letter

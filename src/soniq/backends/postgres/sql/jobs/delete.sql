-- Locked first, so that what is told of the job is how it stood when nobody else was changing it.
WITH held AS (
    SELECT id, status FROM soniq_jobs WHERE id = $1 FOR UPDATE
),
gone AS (
    DELETE FROM soniq_jobs AS job
    USING held
    WHERE job.id = held.id AND held.status <> 'processing'
    RETURNING job.id
),
forgotten AS (
    DELETE FROM soniq_attempts AS attempt
    WHERE attempt.job_id = ANY (ARRAY(
        SELECT gone.id
        FROM gone
        WHERE NOT EXISTS (SELECT FROM soniq_dead_letter_jobs AS letter WHERE letter.id = gone.id)
    ))
)
SELECT
    EXISTS (SELECT FROM held WHERE status = 'processing') AS running,
    EXISTS (SELECT FROM gone) AS deleted

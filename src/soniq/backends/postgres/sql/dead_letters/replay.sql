WITH letter AS (
    UPDATE soniq_dead_letter_jobs
    SET resurrection_count = resurrection_count + 1,
        resurrected_at = COALESCE($1::timestamptz, now())
    WHERE id = $2
    RETURNING job_name, queue, priority, args, max_attempts, resurrected_at
)
INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at
)
SELECT $3, job_name, queue, priority, resurrected_at, args, max_attempts, resurrected_at
FROM letter
RETURNING id

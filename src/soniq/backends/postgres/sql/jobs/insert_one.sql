-- As jobs/insert_alike, for a job alone.
INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at
)
VALUES (
    $8,
    $2,
    $3,
    $4,
    GREATEST(
        COALESCE($1, now()),
        COALESCE($5, COALESCE($1, now()) + $6::float8 * interval '1 second')
    ),
    $9,
    $7,
    COALESCE($1, now())
)

-- How many due jobs come before one in the order of claims, $3 at most; no row where the job does
-- not wait. The steps are those of jobs/claim: within each priority before that of the job, and in
-- that up to its own place, the due ones are a range of the claim index.
WITH RECURSIVE own AS (
    SELECT job.queue, job.priority, job.scheduled_at, job.id
    FROM soniq_jobs AS job
    -- A probe of the primary key, not a walk along the claim index.
    WHERE job.id = $2 AND job.status || '' = 'queued'
),
level AS (
    SELECT (
        SELECT job.priority
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND job.queue = own.queue
        ORDER BY job.priority
        LIMIT 1
    ) AS priority
    FROM own
    UNION ALL
    SELECT (
        SELECT job.priority
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND job.queue = own.queue AND job.priority > level.priority
        ORDER BY job.priority
        LIMIT 1
    )
    FROM level
    CROSS JOIN own
    WHERE level.priority < own.priority
),
before AS (
    SELECT due.id
    FROM own
    CROSS JOIN level
    CROSS JOIN LATERAL (
        SELECT job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = own.queue
            AND job.priority = level.priority
            AND job.scheduled_at <= COALESCE($1::timestamptz, now())
        ORDER BY job.scheduled_at, job.id
        LIMIT $3
    ) AS due
    WHERE level.priority < own.priority
    UNION ALL
    SELECT due.id
    FROM own
    CROSS JOIN LATERAL (
        SELECT job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = own.queue
            AND job.priority = own.priority
            AND job.scheduled_at <= COALESCE($1::timestamptz, now())
            AND job.scheduled_at < own.scheduled_at
        ORDER BY job.scheduled_at, job.id
        LIMIT $3
    ) AS due
    UNION ALL
    -- A scan of its own: `(scheduled_at, id) < (…)` would read all jobs of that moment before PostgreSQL 18.
    SELECT due.id
    FROM own
    CROSS JOIN LATERAL (
        SELECT job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = own.queue
            AND job.priority = own.priority
            AND job.scheduled_at = own.scheduled_at
            AND job.id < own.id
            AND job.scheduled_at <= COALESCE($1::timestamptz, now())
        ORDER BY job.id
        LIMIT $3
    ) AS due
    LIMIT $3
)
SELECT (SELECT count(*) FROM before) AS number
FROM own

-- From several queues ($2) or from all (NULL), in exact order over all of them. As jobs/claim, with
-- one more step: the due jobs of every (queue, priority) are merged before any row is locked, and
-- then locked one by one until enough are had. $6 is how many of each are looked at.
WITH RECURSIVE existing AS (
    (
        SELECT job.queue
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND $2::text[] IS NULL
        ORDER BY job.queue
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT job.queue
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND job.queue > existing.queue
        ORDER BY job.queue
        LIMIT 1
    )
    FROM existing
    WHERE existing.queue IS NOT NULL
),
served AS (
    SELECT existing.queue FROM existing WHERE existing.queue IS NOT NULL
    UNION ALL
    SELECT named.queue FROM unnest($2::text[]) AS named (queue)
),
level AS (
    SELECT
        served.queue,
        (
            SELECT job.priority
            FROM soniq_jobs AS job
            WHERE job.status = 'queued' AND job.queue = served.queue
            ORDER BY job.priority
            LIMIT 1
        ) AS priority
    FROM served
    UNION ALL
    SELECT
        level.queue,
        (
            SELECT job.priority
            FROM soniq_jobs AS job
            WHERE job.status = 'queued'
                AND job.queue = level.queue
                AND job.priority > level.priority
            ORDER BY job.priority
            LIMIT 1
        )
    FROM level
    WHERE level.priority IS NOT NULL
),
candidate AS MATERIALIZED (
    SELECT due.id
    FROM level
    CROSS JOIN LATERAL (
        SELECT job.id, job.priority, job.scheduled_at
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = level.queue
            AND job.priority = level.priority
            AND job.scheduled_at <= COALESCE($1::timestamptz, now())
            AND job.job_name <> ALL ($5::text[])
        ORDER BY job.scheduled_at, job.id
        LIMIT $6
    ) AS due
    ORDER BY due.priority, due.scheduled_at, due.id
),
taken AS (
    SELECT locked.id
    FROM candidate
    CROSS JOIN LATERAL (
        SELECT job.id
        FROM soniq_jobs AS job
        -- `status || ''`: not to be mistaken for a reason to walk the claim index.
        WHERE job.id = candidate.id AND job.status || '' = 'queued'
        FOR UPDATE SKIP LOCKED
    ) AS locked
    LIMIT $3
)
UPDATE soniq_jobs AS job
SET status = 'processing',
    worker_id = $4,
    attempts = job.attempts + 1,
    fence = job.fence + 1,
    started_at = COALESCE($1::timestamptz, now())
WHERE job.id = ANY (ARRAY(SELECT taken.id FROM taken))
RETURNING
    job.id, job.job_name, job.queue, job.priority, job.args, job.attempts, job.max_attempts,
    job.fence, job.scheduled_at, job.created_at, job.crashes

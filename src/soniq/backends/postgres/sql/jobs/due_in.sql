-- Seconds until the first job of these queues (NULL: all) is due; the steps are those of
-- jobs/claim_across.
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
    SELECT open.queue
    FROM (
        SELECT existing.queue FROM existing WHERE existing.queue IS NOT NULL
        UNION ALL
        SELECT named.queue FROM unnest($2::text[]) AS named (queue)
    ) AS open
    WHERE NOT EXISTS (SELECT FROM soniq_paused_queues AS pause WHERE pause.queue = open.queue)
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
)
SELECT EXTRACT(
    EPOCH FROM MIN(first.scheduled_at) - COALESCE($1::timestamptz, now())
)::float8 AS seconds
FROM level
CROSS JOIN LATERAL (
    SELECT job.scheduled_at
    FROM soniq_jobs AS job
    WHERE job.status = 'queued'
        AND job.queue = level.queue
        AND job.priority = level.priority
        AND job.job_name <> ALL ($3::text[])
    ORDER BY job.scheduled_at, job.id
    LIMIT 1
) AS first

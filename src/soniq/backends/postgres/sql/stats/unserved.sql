-- The queues that no living worker serves, with the seconds for which their first job has been due.
-- The steps are those of jobs/claim_across: no more than one row of a priority is looked at.
WITH RECURSIVE existing AS (
    (
        SELECT job.queue
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
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
level AS (
    SELECT
        existing.queue,
        (
            SELECT job.priority
            FROM soniq_jobs AS job
            WHERE job.status = 'queued' AND job.queue = existing.queue
            ORDER BY job.priority
            LIMIT 1
        ) AS priority
    FROM existing
    WHERE existing.queue IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM soniq_paused_queues AS pause WHERE pause.queue = existing.queue
        )
        AND NOT EXISTS (
            SELECT FROM soniq_workers AS worker
            WHERE worker.expires_at > COALESCE($1::timestamptz, now())
                AND worker.wish IS NULL
                AND (worker.queues IS NULL OR existing.queue = ANY (worker.queues))
        )
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
SELECT
    level.queue,
    EXTRACT(
        EPOCH FROM COALESCE($1::timestamptz, now()) - MIN(first.scheduled_at)
    )::float8 AS seconds
FROM level
CROSS JOIN LATERAL (
    SELECT job.scheduled_at
    FROM soniq_jobs AS job
    WHERE job.status = 'queued'
        AND job.queue = level.queue
        AND job.priority = level.priority
    ORDER BY job.scheduled_at, job.id
    LIMIT 1
) AS first
GROUP BY level.queue

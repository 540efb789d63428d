-- The queues ($2) in which too many wait to count all: what is due and what is later, each up to $3,
-- and the first of each. One step for each priority of a queue, and one look at each kind in it.
WITH RECURSIVE level AS (
    SELECT named.queue, (-32769)::integer AS priority
    FROM unnest($2::text[]) AS named (queue)
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
crowded AS (
    SELECT level.queue, array_agg(level.priority) AS priorities
    FROM level
    WHERE level.priority > -32769
    GROUP BY level.queue
)
SELECT
    crowded.queue, due.number AS due, later.number AS later, first.oldest_due_at, first.next_due_at
FROM crowded
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM (
        SELECT
        FROM unnest(crowded.priorities) AS one (priority)
        CROSS JOIN LATERAL (
            SELECT
            FROM soniq_jobs AS job
            WHERE job.status = 'queued'
                AND job.queue = crowded.queue
                AND job.priority = one.priority
                AND job.scheduled_at <= COALESCE($1::timestamptz, now())
            LIMIT $3
        ) AS job
        LIMIT $3
    ) AS counted
) AS due
CROSS JOIN LATERAL (
    SELECT count(*) AS number
    FROM (
        SELECT
        FROM unnest(crowded.priorities) AS one (priority)
        CROSS JOIN LATERAL (
            SELECT
            FROM soniq_jobs AS job
            WHERE job.status = 'queued'
                AND job.queue = crowded.queue
                AND job.priority = one.priority
                AND job.scheduled_at > COALESCE($1::timestamptz, now())
            LIMIT $3
        ) AS job
        LIMIT $3
    ) AS counted
) AS later
CROSS JOIN LATERAL (
    SELECT min(oldest.scheduled_at) AS oldest_due_at, min(next.scheduled_at) AS next_due_at
    FROM unnest(crowded.priorities) AS one (priority)
    LEFT JOIN LATERAL (
        SELECT job.scheduled_at
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = crowded.queue
            AND job.priority = one.priority
            AND job.scheduled_at <= COALESCE($1::timestamptz, now())
        ORDER BY job.scheduled_at, job.id
        LIMIT 1
    ) AS oldest ON true
    LEFT JOIN LATERAL (
        SELECT job.scheduled_at
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = crowded.queue
            AND job.priority = one.priority
            AND job.scheduled_at > COALESCE($1::timestamptz, now())
        ORDER BY job.scheduled_at, job.id
        LIMIT 1
    ) AS next ON true
) AS first

-- As jobs/due_in, from floors on ($4 … $7), as in jobs/claim_after.
WITH RECURSIVE floor AS MATERIALIZED (
    SELECT known.queue, known.priority::integer AS priority, known.scheduled_at, known.id
    FROM unnest($4::text[], $5::smallint[], $6::timestamptz[], $7::uuid[])
        AS known (queue, priority, scheduled_at, id)
),
existing AS (
    SELECT '' AS queue WHERE $2::text[] IS NULL
    UNION ALL
    SELECT (
        SELECT min(next.queue)
        FROM (SELECT min(floor.queue) AS queue FROM floor WHERE floor.queue > existing.queue) AS known
        CROSS JOIN LATERAL (
            SELECT known.queue
            UNION ALL
            (
                SELECT job.queue
                FROM soniq_jobs AS job
                WHERE job.status = 'queued' AND job.queue > existing.queue AND job.queue < known.queue
                ORDER BY job.queue
                LIMIT 1
            )
            UNION ALL
            (
                SELECT job.queue
                FROM soniq_jobs AS job
                WHERE job.status = 'queued' AND job.queue > existing.queue AND known.queue IS NULL
                ORDER BY job.queue
                LIMIT 1
            )
        ) AS next
    )
    FROM existing
    WHERE existing.queue IS NOT NULL
),
served AS MATERIALIZED (
    SELECT open.queue
    FROM (
        SELECT existing.queue FROM existing WHERE existing.queue <> ''
        UNION ALL
        SELECT named.queue FROM unnest($2::text[]) AS named (queue)
    ) AS open
    WHERE NOT EXISTS (SELECT FROM soniq_paused_queues AS pause WHERE pause.queue = open.queue)
),
level AS (
    SELECT
        served.queue, (-32769)::integer AS priority, NULL::timestamptz AS moment, NULL::uuid AS id
    FROM served
    UNION ALL
    SELECT level.queue, next.priority, next.moment, next.id
    FROM level
    LEFT JOIN LATERAL (
        SELECT floor.priority, floor.scheduled_at, floor.id
        FROM floor
        WHERE floor.queue = level.queue AND floor.priority > level.priority
        ORDER BY floor.priority
        LIMIT 1
    ) AS known ON true
    CROSS JOIN LATERAL (
        SELECT
            before.priority,
            '-infinity'::timestamptz AS moment,
            '00000000-0000-0000-0000-000000000000'::uuid AS id
        FROM (
            SELECT job.priority::integer AS priority
            FROM soniq_jobs AS job
            WHERE job.status = 'queued'
                AND job.queue = level.queue
                AND job.priority > level.priority
                AND job.priority < COALESCE(known.priority, 32768)
            ORDER BY job.priority
            LIMIT 1
        ) AS before
        UNION ALL
        SELECT known.priority, known.scheduled_at, known.id
        WHERE known.priority IS NOT NULL
        ORDER BY priority
        LIMIT 1
    ) AS next
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
        AND (job.scheduled_at, job.id) > (level.moment, level.id)
        AND job.job_name <> ALL ($3::text[])
    ORDER BY job.scheduled_at, job.id
    LIMIT 1
) AS first

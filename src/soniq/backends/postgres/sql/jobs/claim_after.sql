-- As jobs/claim_across, from floors on ($9 … $12): of a priority of a queue only what comes after its
-- floor is looked at. Nothing before it is walked past, be it the dead rows that a long transaction
-- keeps; and queues and priorities that have no floor are looked for between those that have one.
WITH RECURSIVE floor AS MATERIALIZED (
    SELECT known.queue, known.priority::integer AS priority, known.scheduled_at, known.id
    FROM unnest($9::text[], $10::smallint[], $11::timestamptz[], $12::uuid[])
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
        (-32769)::integer AS priority, NULL::text[] AS queues,
        NULL::timestamptz[] AS moments, NULL::uuid[] AS ids
    UNION ALL
    SELECT next.priority, next.queues, next.moments, next.ids
    FROM level
    CROSS JOIN LATERAL (
        SELECT
            first.priority,
            array_agg(served.queue) FILTER (WHERE first.due) AS queues,
            array_agg(first.moment) FILTER (WHERE first.due) AS moments,
            array_agg(first.id) FILTER (WHERE first.due) AS ids
        FROM served
        LEFT JOIN LATERAL (
            SELECT floor.priority, floor.scheduled_at, floor.id
            FROM floor
            WHERE floor.queue = served.queue AND floor.priority > level.priority
            ORDER BY floor.priority
            LIMIT 1
        ) AS known ON true
        CROSS JOIN LATERAL (
            SELECT
                before.priority,
                before.scheduled_at <= COALESCE($1::timestamptz, now()) AS due,
                '-infinity'::timestamptz AS moment,
                '00000000-0000-0000-0000-000000000000'::uuid AS id
            FROM (
                SELECT job.priority::integer AS priority, job.scheduled_at
                FROM soniq_jobs AS job
                WHERE job.status = 'queued'
                    AND job.queue = served.queue
                    AND job.priority > level.priority
                    AND job.priority < COALESCE(known.priority, 32768)
                ORDER BY job.priority, job.scheduled_at, job.id
                LIMIT 1
            ) AS before
            UNION ALL
            SELECT known.priority, true, known.scheduled_at, known.id
            WHERE known.priority IS NOT NULL
            ORDER BY priority
            LIMIT 1
        ) AS first
        GROUP BY first.priority
        ORDER BY first.priority
        LIMIT 1
    ) AS next
),
candidate AS (
    SELECT due.place
    FROM level
    CROSS JOIN LATERAL (
        -- From a queue that is alone with its due jobs they are taken as they come.
        SELECT alone.place
        FROM (
            SELECT job.ctid AS place
            FROM soniq_jobs AS job
            WHERE cardinality(level.queues) = 1
                AND job.status = 'queued'
                AND job.queue = level.queues[1]
                AND job.priority = level.priority
                AND (job.scheduled_at, job.id) > (level.moments[1], level.ids[1])
                AND job.scheduled_at <= COALESCE($1::timestamptz, now())
                AND job.job_name <> ALL ($5::text[])
            ORDER BY job.scheduled_at, job.id
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        ) AS alone
        UNION ALL
        -- Of several queues the first jobs of each are merged, and locked one by one.
        SELECT locked.place
        FROM (
            SELECT first.place, first.scheduled_at, first.id, first.number = queue.ahead AS last
            FROM (
                SELECT
                    many.name, many.moment, many.id,
                    GREATEST(
                        $6::bigint / cardinality(level.queues) + 4,
                        (
                            SELECT share.ahead
                            FROM unnest($7::text[], $8::bigint[]) AS share (queue, ahead)
                            WHERE share.queue = many.name
                            LIMIT 1
                        )
                    ) AS ahead
                FROM unnest(level.queues, level.moments, level.ids) AS many (name, moment, id)
            ) AS queue
            CROSS JOIN LATERAL (
                SELECT ahead.place, ahead.scheduled_at, ahead.id, row_number() OVER () AS number
                FROM (
                    SELECT job.ctid AS place, job.scheduled_at, job.id
                    FROM soniq_jobs AS job
                    WHERE job.status = 'queued'
                        AND job.queue = queue.name
                        AND job.priority = level.priority
                        AND (job.scheduled_at, job.id) > (queue.moment, queue.id)
                        AND job.scheduled_at <= COALESCE($1::timestamptz, now())
                        AND job.job_name <> ALL ($5::text[])
                    ORDER BY job.scheduled_at, job.id
                    LIMIT queue.ahead
                ) AS ahead
            ) AS first
            WHERE cardinality(level.queues) > 1
            ORDER BY first.scheduled_at, first.id
        ) AS merged
        CROSS JOIN LATERAL (
            SELECT held.place
            FROM (
                SELECT job.ctid AS place
                FROM soniq_jobs AS job
                -- `status || ''`: not to be mistaken for a reason to walk the claim index.
                WHERE job.ctid = merged.place AND job.status || '' = 'queued'
                FOR UPDATE SKIP LOCKED
            ) AS held
            UNION ALL
            -- Here the look ahead ends: what this queue has next may come before all that follows.
            -- Without a place, it uses up the limit.
            SELECT NULL
            FROM generate_series(1, $3)
            WHERE merged.last
        ) AS locked
    ) AS due
    LIMIT $3
)
UPDATE soniq_jobs AS job
SET status = 'processing',
    worker_id = $4,
    attempts = job.attempts + 1,
    fence = job.fence + 1,
    started_at = COALESCE($1::timestamptz, now())
WHERE job.ctid = ANY (ARRAY(SELECT candidate.place FROM candidate))
RETURNING
    job.id, job.job_name, job.queue, job.priority, job.args, job.attempts, job.max_attempts,
    job.fence, job.scheduled_at, job.created_at, job.crashes, job.headers

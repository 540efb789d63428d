-- From several queues ($2) or from all (NULL), in exact order over all of them. As jobs/claim, but
-- `level` steps from one priority to the next by one probe for each queue, and knows which queues
-- have due jobs there, and where these begin; the first step needs no probe, as each queue is found by
-- its first job. $6 jobs of a priority are looked at: as many of each queue, but of those in $7 at least
-- $8.
WITH RECURSIVE existing AS (
    (
        SELECT job.queue, job.priority, job.scheduled_at, job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND $2::text[] IS NULL
        ORDER BY job.queue, job.priority, job.scheduled_at, job.id
        LIMIT 1
    )
    UNION ALL
    SELECT next.queue, next.priority, next.scheduled_at, next.id
    FROM existing
    CROSS JOIN LATERAL (
        SELECT job.queue, job.priority, job.scheduled_at, job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND job.queue > existing.queue
        ORDER BY job.queue, job.priority, job.scheduled_at, job.id
        LIMIT 1
    ) AS next
),
served AS MATERIALIZED (
    SELECT open.queue, open.priority, open.scheduled_at, open.id
    FROM (
        SELECT existing.queue, existing.priority, existing.scheduled_at, existing.id FROM existing
        UNION ALL
        SELECT named.queue, first.priority, first.scheduled_at, first.id
        FROM unnest($2::text[]) AS named (queue)
        CROSS JOIN LATERAL (
            SELECT job.priority, job.scheduled_at, job.id
            FROM soniq_jobs AS job
            WHERE job.status = 'queued' AND job.queue = named.queue
            ORDER BY job.priority, job.scheduled_at, job.id
            LIMIT 1
        ) AS first
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
            first.priority::integer AS priority,
            array_agg(served.queue) FILTER (
                WHERE first.scheduled_at <= COALESCE($1::timestamptz, now())
            ) AS queues,
            array_agg(first.scheduled_at) FILTER (
                WHERE first.scheduled_at <= COALESCE($1::timestamptz, now())
            ) AS moments,
            array_agg(first.id) FILTER (
                WHERE first.scheduled_at <= COALESCE($1::timestamptz, now())
            ) AS ids
        FROM served
        CROSS JOIN LATERAL (
            SELECT served.priority, served.scheduled_at, served.id
            WHERE served.priority > level.priority
            UNION ALL
            (
                SELECT job.priority, job.scheduled_at, job.id
                FROM soniq_jobs AS job
                WHERE served.priority <= level.priority
                    AND job.status = 'queued'
                    AND job.queue = served.queue
                    AND job.priority > level.priority
                ORDER BY job.priority, job.scheduled_at, job.id
                LIMIT 1
            )
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
                AND (job.scheduled_at, job.id) >= (level.moments[1], level.ids[1])
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
                        AND (job.scheduled_at, job.id) >= (queue.moment, queue.id)
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

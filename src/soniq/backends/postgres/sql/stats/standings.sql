-- How every queue stands. No more than $2 waiting jobs of a queue are counted, and no more than about
-- four times as many in all; `most` is how many were allowed, and where there are more the rest is up
-- to stats/crowded and stats/sample. So it is with the latest dead letters ($3 of them).
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
waiting AS (
    SELECT
        existing.queue,
        LEAST($2::bigint, GREATEST(1, $2 / 100, 4 * $2 / count(*) OVER ())) AS most
    FROM existing
    WHERE existing.queue IS NOT NULL
),
part AS (
    SELECT
        waiting.queue, waiting.most, counted.due, counted.later, 0 AS processing, 0 AS dead_letter,
        counted.oldest_due_at, counted.next_due_at
    FROM waiting
    CROSS JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE first.is_due) AS due,
            count(*) FILTER (WHERE NOT first.is_due) AS later,
            min(first.scheduled_at) FILTER (WHERE first.is_due) AS oldest_due_at,
            min(first.scheduled_at) FILTER (WHERE NOT first.is_due) AS next_due_at
        FROM (
            SELECT
                job.scheduled_at, job.scheduled_at <= COALESCE($1::timestamptz, now()) AS is_due
            FROM soniq_jobs AS job
            WHERE job.status = 'queued' AND job.queue = waiting.queue
            ORDER BY job.priority, job.scheduled_at, job.id
            LIMIT waiting.most + 1
        ) AS first
    ) AS counted
    UNION ALL
    SELECT job.queue, NULL, 0, 0, count(*), 0, NULL, NULL
    FROM soniq_jobs AS job
    WHERE job.status = 'processing'
    GROUP BY job.queue
    UNION ALL
    SELECT latest.queue, NULL, 0, 0, 0, count(*), NULL, NULL
    FROM (
        SELECT dead.queue
        FROM soniq_dead_letter_jobs AS dead
        ORDER BY dead.finished_at DESC, dead.id DESC
        LIMIT $2
    ) AS latest
    GROUP BY latest.queue
    UNION ALL
    SELECT paused.queue, NULL, 0, 0, 0, 0, NULL, NULL
    FROM soniq_paused_queues AS paused
),
standing AS (
    SELECT
        part.queue,
        max(part.most) AS most,
        sum(part.due)::bigint AS due,
        sum(part.later)::bigint AS later,
        sum(part.processing)::bigint AS processing,
        sum(part.dead_letter)::bigint AS dead_letter,
        min(part.oldest_due_at) AS oldest_due_at,
        min(part.next_due_at) AS next_due_at
    FROM part
    GROUP BY part.queue
)
SELECT
    standing.*,
    (
        SELECT count(*)
        FROM soniq_workers AS worker
        WHERE worker.expires_at > COALESCE($1::timestamptz, now())
            AND worker.wish IS NULL
            AND (worker.queues IS NULL OR standing.queue = ANY (worker.queues))
    ) AS served_by,
    paused.paused_at, paused.paused_by, paused.reason
FROM standing
LEFT JOIN soniq_paused_queues AS paused ON paused.queue = standing.queue

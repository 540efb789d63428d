-- The first job that waits below each floor ($2 … $5), if one does, and how long it took to look for
-- those so far. Takes and locks nothing. Jobs of the floor's own moment are a scan of their own: one for
-- `(scheduled_at, id) <= (…)` would not stop at the floor before PostgreSQL 18, but read all of that moment.
SELECT
    floor.queue, floor.priority, below.scheduled_at, below.id,
    date_part('epoch', clock_timestamp() - statement_timestamp()) AS seconds
FROM unnest($2::text[], $3::smallint[], $4::timestamptz[], $5::uuid[])
    AS floor (queue, priority, scheduled_at, id)
LEFT JOIN LATERAL (
    (
        SELECT job.scheduled_at, job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = floor.queue
            AND job.priority = floor.priority
            AND job.scheduled_at < floor.scheduled_at
            AND job.job_name <> ALL ($1::text[])
        ORDER BY job.scheduled_at, job.id
        LIMIT 1
    )
    UNION ALL
    (
        SELECT job.scheduled_at, job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = floor.queue
            AND job.priority = floor.priority
            AND job.scheduled_at = floor.scheduled_at
            AND job.id <= floor.id
            AND job.job_name <> ALL ($1::text[])
        ORDER BY job.id
        LIMIT 1
    )
    ORDER BY scheduled_at, id
    LIMIT 1
) AS below ON true

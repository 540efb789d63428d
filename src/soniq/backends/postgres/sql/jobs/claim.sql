-- From one queue. `level` steps from one priority to the next by one index probe each, so jobs that
-- are scheduled for later are never walked past: within a priority the due ones are a range, which
-- begins where the probe has found its first row. The entries of rows that were taken, until they are
-- cleared up, are walked past that one time. Of a queue that is paused there is no level: that is
-- looked up once.
-- Everything is lazy and in index order: no sort, and no row is locked that is not taken.
WITH RECURSIVE level AS (
    (
        SELECT job.priority, job.scheduled_at, job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = $2
            AND NOT EXISTS (SELECT FROM soniq_paused_queues AS pause WHERE pause.queue = $2)
        ORDER BY job.priority, job.scheduled_at, job.id
        LIMIT 1
    )
    UNION ALL
    SELECT next.priority, next.scheduled_at, next.id
    FROM level
    CROSS JOIN LATERAL (
        SELECT job.priority, job.scheduled_at, job.id
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND job.queue = $2 AND job.priority > level.priority
        ORDER BY job.priority, job.scheduled_at, job.id
        LIMIT 1
    ) AS next
),
candidate AS (
    SELECT due.place
    FROM level
    CROSS JOIN LATERAL (
        SELECT job.ctid AS place
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
            AND job.queue = $2
            AND job.priority = level.priority
            AND (job.scheduled_at, job.id) >= (level.scheduled_at, level.id)
            AND job.scheduled_at <= COALESCE($1::timestamptz, now())
            AND job.job_name <> ALL ($5::text[])
        ORDER BY job.scheduled_at, job.id
        LIMIT $3
        FOR UPDATE SKIP LOCKED
    ) AS due
    LIMIT $3
)
-- By the place of the row, which its lock holds fast: no index is asked a second time.
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

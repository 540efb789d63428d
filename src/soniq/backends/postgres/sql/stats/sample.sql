-- About how many jobs wait in queues ($2): from some 300 pages of the table, always the same ones, so
-- that the answer does not change from one look to the next while nothing else does.
WITH share AS (
    SELECT
        LEAST(100, 30000.0 * current_setting('block_size')::bigint
            / GREATEST(1, pg_relation_size('soniq_jobs')))::real AS percent
)
SELECT
    job.queue,
    (count(*) FILTER (WHERE job.scheduled_at <= COALESCE($1::timestamptz, now()))
        * 100 / share.percent)::bigint AS due,
    (count(*) FILTER (WHERE job.scheduled_at > COALESCE($1::timestamptz, now()))
        * 100 / share.percent)::bigint AS later
FROM share
CROSS JOIN LATERAL (
    SELECT job.queue, job.scheduled_at
    FROM soniq_jobs AS job TABLESAMPLE SYSTEM (share.percent) REPEATABLE (0)
    WHERE job.status = 'queued' AND job.queue = ANY ($2::text[])
) AS job
GROUP BY job.queue, share.percent

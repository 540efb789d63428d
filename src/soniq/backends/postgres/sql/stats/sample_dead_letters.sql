-- About how many dead letters there are of each queue: as stats/sample.
WITH share AS (
    SELECT
        LEAST(100, 30000.0 * current_setting('block_size')::bigint
            / GREATEST(1, pg_relation_size('soniq_dead_letter_jobs')))::real AS percent
)
SELECT dead.queue, (count(*) * 100 / share.percent)::bigint AS dead_letter
FROM share
CROSS JOIN LATERAL (
    SELECT dead.queue
    FROM soniq_dead_letter_jobs AS dead TABLESAMPLE SYSTEM (share.percent) REPEATABLE (0)
) AS dead
GROUP BY dead.queue, share.percent

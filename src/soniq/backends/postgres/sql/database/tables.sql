-- Soniq's tables, where soniq_jobs is, with what the statistics say of them.
SELECT
    one.relname::text AS name,
    pg_total_relation_size(one.oid) AS bytes,
    pg_indexes_size(one.oid) AS index_bytes,
    COALESCE(seen.n_live_tup, 0) AS rows,
    COALESCE(seen.n_dead_tup, 0) AS dead_rows,
    GREATEST(seen.last_vacuum, seen.last_autovacuum) AS vacuumed_at,
    GREATEST(seen.last_analyze, seen.last_autoanalyze) AS analyzed_at,
    one.relpersistence = 'u' AS unlogged,
    EXISTS (
        SELECT FROM unnest(one.reloptions) AS setting
        WHERE setting LIKE 'autovacuum\_enabled=%' AND NOT split_part(setting, '=', 2)::boolean
    ) AS unattended
FROM pg_class AS jobs
JOIN pg_class AS one ON one.relnamespace = jobs.relnamespace
LEFT JOIN pg_stat_all_tables AS seen ON seen.relid = one.oid
WHERE jobs.oid = to_regclass('soniq_jobs')
    AND one.relkind IN ('r', 'p')
    AND one.relname LIKE 'soniq\_%'
ORDER BY one.relname

-- What sort of process it is may be hidden, for those of others; clients are the most of them.
SELECT
    count(*) AS connections,
    count(*) FILTER (
        WHERE datname = current_database() AND application_name LIKE 'soniq%'
    ) AS soniq_connections
FROM pg_stat_activity
WHERE backend_type = 'client backend' OR backend_type IS NULL

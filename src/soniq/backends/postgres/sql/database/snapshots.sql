-- Who keeps rows that are dead for all others, the most harmful first: as of how many transactions
-- ago. Since when is hidden of the sessions of others.
SELECT *
FROM (
    SELECT
        'session' AS kind,
        session.pid::text AS name,
        session.application_name::text AS application,
        session.state,
        EXTRACT(EPOCH FROM clock_timestamp() - session.xact_start)::float8 AS seconds,
        GREATEST(age(session.backend_xmin), age(session.backend_xid))::bigint AS transactions
    FROM pg_stat_activity AS session
    WHERE session.pid <> pg_backend_pid()
        AND (session.datname = current_database() OR session.datname IS NULL)
        AND COALESCE(session.backend_xmin, session.backend_xid) IS NOT NULL
    UNION ALL
    SELECT
        'prepared transaction', prepared.gid, prepared.owner::text, NULL,
        EXTRACT(EPOCH FROM clock_timestamp() - prepared.prepared)::float8,
        age(prepared.transaction)::bigint
    FROM pg_prepared_xacts AS prepared
    WHERE prepared.database = current_database()
) AS holder
ORDER BY transactions DESC, seconds DESC NULLS LAST
LIMIT 20

SELECT
    clock_timestamp() AS now,
    current_setting('server_version') AS version,
    current_user::text AS role,
    current_database()::text AS database,
    (
        SELECT home.nspname::text
        FROM pg_class AS jobs
        JOIN pg_namespace AS home ON home.oid = jobs.relnamespace
        WHERE jobs.oid = to_regclass('soniq_jobs')
    ) AS schema,
    pg_postmaster_start_time() AS started_at,
    pg_is_in_recovery() AS in_recovery

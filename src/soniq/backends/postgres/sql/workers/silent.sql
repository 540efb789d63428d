-- A bigint key stands in pg_locks as its two halves (PostgreSQL manual, 54.13). Restarts drop all
-- locks, so whoever has not renewed since says nothing by having none.
SELECT worker.id, worker.renewed_at
FROM soniq_workers AS worker
WHERE worker.lock_key IS NOT NULL
    AND worker.expires_at > COALESCE($1::timestamptz, now())
    AND ($1::timestamptz IS NOT NULL OR worker.renewed_at > pg_postmaster_start_time())
    AND worker.lock_key NOT IN (
        SELECT (held.classid::bigint << 32) | held.objid::bigint
        FROM pg_locks AS held
        WHERE held.locktype = 'advisory'
            AND held.objsubid = 1
            AND held.database = (
                SELECT this.oid FROM pg_database AS this WHERE this.datname = current_database()
            )
    )

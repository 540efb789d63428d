UPDATE soniq_workers AS worker
SET expires_at = COALESCE($1::timestamptz, now())
WHERE worker.id = $2
    AND worker.renewed_at = $3
    AND worker.expires_at > COALESCE($1::timestamptz, now())
    AND worker.lock_key IS NOT NULL
    AND worker.lock_key NOT IN (
        SELECT (held.classid::bigint << 32) | held.objid::bigint
        FROM pg_locks AS held
        WHERE held.locktype = 'advisory'
            AND held.objsubid = 1
            AND held.database = (
                SELECT this.oid FROM pg_database AS this WHERE this.datname = current_database()
            )
    )
RETURNING worker.id

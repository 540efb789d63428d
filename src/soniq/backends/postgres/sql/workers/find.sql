SELECT
    id, hostname, pid, queues, concurrency, tasks, started_at, renewed_at, expires_at,
    expires_at > COALESCE($1::timestamptz, now()) AS alive,
    version, wish, running, memory_bytes, loop_lag
FROM soniq_workers
ORDER BY started_at, id

SELECT id, hostname, pid, queues, concurrency, tasks, started_at, renewed_at, expires_at,
    expires_at > :now
FROM soniq_workers
ORDER BY started_at, id

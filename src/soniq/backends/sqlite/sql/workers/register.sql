INSERT INTO soniq_workers (
    id, hostname, pid, queues, concurrency, tasks, version, started_at, renewed_at, expires_at
) VALUES (
    :id, :hostname, :pid, :queues, :concurrency, :tasks, :version, :now, :now, :expires_at
)
ON CONFLICT (id) DO UPDATE SET
    hostname = excluded.hostname, pid = excluded.pid, queues = excluded.queues,
    concurrency = excluded.concurrency, tasks = excluded.tasks,
    version = excluded.version,
    renewed_at = excluded.renewed_at, expires_at = excluded.expires_at

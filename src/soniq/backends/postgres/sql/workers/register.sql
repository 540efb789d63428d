INSERT INTO soniq_workers (
    id, hostname, pid, queues, concurrency, tasks, lock_key, version, started_at, renewed_at,
    expires_at
)
SELECT
    $2, $3, $4, $5::text[], $6, $7::text[], $9::bigint, $10, clock.time, clock.time,
    clock.time + $8 * interval '1 second'
FROM (SELECT COALESCE($1::timestamptz, now()) AS time) AS clock
ON CONFLICT (id) DO UPDATE SET
    hostname = excluded.hostname,
    pid = excluded.pid,
    queues = excluded.queues,
    concurrency = excluded.concurrency,
    tasks = excluded.tasks,
    lock_key = excluded.lock_key,
    version = excluded.version,
    renewed_at = excluded.renewed_at,
    expires_at = excluded.expires_at

-- As few as those of running.sql, without all that is known of each.
SELECT id, started_at
FROM soniq_jobs
WHERE status = 'processing'
ORDER BY started_at, id
LIMIT $1

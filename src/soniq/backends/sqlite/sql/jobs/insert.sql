INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, unique_key, created_at,
    headers
) VALUES
    (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

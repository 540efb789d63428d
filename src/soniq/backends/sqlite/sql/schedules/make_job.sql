INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, unique_key, created_at
)
SELECT :job_id, name, queue, priority, :tick_at, args, max_attempts, unique_key, :now
FROM soniq_schedules
WHERE name = :name
ON CONFLICT DO NOTHING

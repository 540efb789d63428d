SELECT name, status, origin, cron, every, timezone, missed, args, queue, priority, max_attempts,
    unique_key, anchor_at, next_at, last_at, last_job_id, missed_count, missed_at, paused_at,
    orphaned_at, created_at, updated_at, revision
FROM soniq_schedules
WHERE name = :name

UPDATE soniq_schedules
SET status = 'paused', paused_at = COALESCE(paused_at, :now), revision = revision + 1
WHERE name = :name

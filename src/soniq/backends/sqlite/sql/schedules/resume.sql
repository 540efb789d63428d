UPDATE soniq_schedules
SET status = 'active', paused_at = NULL, next_at = :next_at, revision = revision + 1
WHERE name = :name AND revision = :revision

UPDATE soniq_schedules AS schedule
SET status = 'active',
    paused_at = NULL,
    next_at = $3::timestamptz,
    revision = schedule.revision + 1
WHERE schedule.name = $1 AND schedule.revision = $2
RETURNING schedule.name

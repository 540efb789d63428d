UPDATE soniq_schedules AS schedule
SET status = 'paused',
    paused_at = COALESCE(schedule.paused_at, $1::timestamptz, now()),
    revision = schedule.revision + 1
WHERE schedule.name = $2
RETURNING schedule.name

UPDATE soniq_schedules AS schedule
SET orphaned_at = COALESCE($1::timestamptz, now())
WHERE schedule.origin = 'code'
    AND schedule.orphaned_at IS NULL
    AND schedule.name <> ALL ($2::text[])
RETURNING schedule.name

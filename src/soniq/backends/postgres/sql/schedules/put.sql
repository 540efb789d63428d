INSERT INTO soniq_schedules AS mine (
    name, origin, cron, every, timezone, missed, args, queue, priority, max_attempts, unique_key,
    anchor_at, next_at, created_at, updated_at
)
SELECT
    $2, $3, $4, $5::float8, $6, $7, $8::json, $9, $10::smallint, $11::integer, $12,
    $13::timestamptz, $14::timestamptz, clock.time, clock.time
FROM (SELECT COALESCE($1::timestamptz, now()) AS time) AS clock
ON CONFLICT (name) DO UPDATE SET
    origin = excluded.origin,
    cron = excluded.cron,
    every = excluded.every,
    timezone = excluded.timezone,
    missed = excluded.missed,
    args = excluded.args,
    queue = excluded.queue,
    priority = excluded.priority,
    max_attempts = excluded.max_attempts,
    unique_key = excluded.unique_key,
    -- The same recurrence goes on as if nothing had been said.
    anchor_at = CASE
        WHEN (mine.cron, mine.every, mine.timezone)
            IS NOT DISTINCT FROM (excluded.cron, excluded.every, excluded.timezone)
        THEN mine.anchor_at ELSE excluded.anchor_at
    END,
    next_at = CASE
        WHEN (mine.cron, mine.every, mine.timezone)
            IS NOT DISTINCT FROM (excluded.cron, excluded.every, excluded.timezone)
        THEN mine.next_at ELSE excluded.next_at
    END,
    orphaned_at = NULL,
    updated_at = excluded.updated_at,
    revision = mine.revision + 1
RETURNING *

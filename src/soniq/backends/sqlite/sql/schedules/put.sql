INSERT INTO soniq_schedules (
    name, origin, cron, every, timezone, missed, args, queue, priority, max_attempts, unique_key,
    anchor_at, next_at, created_at, updated_at
) VALUES (
    :name, :origin, :cron, :every, :timezone, :missed, :args, :queue, :priority, :max_attempts,
    :unique_key, :anchor_at, :next_at, :now, :now
)
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
        WHEN cron IS excluded.cron AND every IS excluded.every AND timezone = excluded.timezone
        THEN anchor_at ELSE excluded.anchor_at
    END,
    next_at = CASE
        WHEN cron IS excluded.cron AND every IS excluded.every AND timezone = excluded.timezone
        THEN next_at ELSE excluded.next_at
    END,
    orphaned_at = NULL,
    updated_at = excluded.updated_at,
    revision = revision + 1

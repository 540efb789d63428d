DELETE FROM soniq_schedule_ticks
WHERE (name, tick_at) IN (
    SELECT old.name, old.tick_at
    FROM soniq_schedule_ticks AS old
    WHERE old.tick_at < COALESCE($1::timestamptz, now()) - $2 * interval '1 second'
    ORDER BY old.tick_at
    LIMIT $3
)
RETURNING name

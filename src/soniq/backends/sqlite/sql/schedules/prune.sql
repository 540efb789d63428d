DELETE FROM soniq_schedule_ticks
WHERE (name, tick_at) IN (
    SELECT name, tick_at
    FROM soniq_schedule_ticks
    WHERE tick_at < :before
    ORDER BY tick_at
    LIMIT :limit
)

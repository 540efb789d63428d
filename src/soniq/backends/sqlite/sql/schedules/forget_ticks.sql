-- Nobody looks further back, and a schedule may fire every second for years.
DELETE FROM soniq_schedule_ticks
WHERE name = :name
    AND tick_at <= (
        SELECT tick_at
        FROM soniq_schedule_ticks
        WHERE name = :name
        ORDER BY tick_at DESC
        LIMIT 1 OFFSET :kept
    )

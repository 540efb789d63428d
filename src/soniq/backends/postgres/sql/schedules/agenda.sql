-- Also where there is no schedule: then one row with nothing but the time.
SELECT clock.time, coming.*
FROM (SELECT COALESCE($1::timestamptz, now()) AS time) AS clock
LEFT JOIN LATERAL (
    SELECT *
    FROM soniq_schedules AS schedule
    WHERE schedule.status = 'active'
        AND (schedule.origin <> 'code' OR schedule.name = ANY ($2::text[]))
    ORDER BY schedule.next_at, schedule.name
    LIMIT $3
) AS coming ON true

SELECT *
FROM soniq_schedules AS schedule
WHERE $1::text IS NULL OR schedule.status = $1
ORDER BY schedule.name

UPDATE soniq_schedules
SET last_at = tick.tick_at, last_job_id = tick.job_id
FROM (
    SELECT tick_at, job_id
    FROM soniq_schedule_ticks
    WHERE name = :name AND tick_at = :tick_at
) AS tick
WHERE name = :name

SELECT tick.name, schedule.queue, tick.tick_at, tick.job_id
FROM soniq_schedule_ticks AS tick
JOIN soniq_schedules AS schedule ON schedule.name = tick.name
WHERE tick.name = :name
ORDER BY tick.tick_at DESC
LIMIT :limit

INSERT INTO soniq_schedule_ticks (name, tick_at, job_id, fired_at)
VALUES (:name, :tick_at, :job_id, :now)
ON CONFLICT DO NOTHING

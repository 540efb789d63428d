UPDATE soniq_schedules SET last_at = :tick_at, last_job_id = :job_id WHERE name = :name

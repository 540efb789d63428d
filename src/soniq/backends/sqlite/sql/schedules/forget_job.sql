-- A waiting unique job stands for this tick: there is none of its own.
UPDATE soniq_schedule_ticks SET job_id = NULL WHERE name = :name AND tick_at = :tick_at

DELETE FROM soniq_schedule_ticks WHERE name = :name

SELECT * FROM soniq_schedules WHERE name = $1

SELECT queue FROM soniq_schedules WHERE name = :name

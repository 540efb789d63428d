DELETE FROM soniq_workers WHERE id = $1

DELETE FROM soniq_workers WHERE id = :id

SELECT 1 FROM soniq_jobs WHERE id = :id

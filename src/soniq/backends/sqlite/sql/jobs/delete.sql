DELETE FROM soniq_jobs WHERE id = :id AND status <> 'processing'

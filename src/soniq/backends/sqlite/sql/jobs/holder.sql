SELECT id FROM soniq_jobs WHERE unique_key = :unique_key AND status = 'queued'

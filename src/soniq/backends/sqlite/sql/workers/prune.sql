DELETE FROM soniq_workers
WHERE expires_at <= :now AND NOT EXISTS (
    SELECT 1 FROM soniq_jobs
    WHERE soniq_jobs.worker_id = soniq_workers.id AND soniq_jobs.status = 'processing'
)

DELETE FROM soniq_workers AS worker
WHERE worker.expires_at <= COALESCE($1::timestamptz, now())
    AND NOT EXISTS (
        SELECT FROM soniq_jobs AS job
        WHERE job.status = 'processing' AND job.worker_id = worker.id
    )
RETURNING worker.id

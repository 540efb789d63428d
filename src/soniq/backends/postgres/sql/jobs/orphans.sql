SELECT job.id, job.job_name, job.queue, job.worker_id, job.fence, job.attempts, job.crashes,
    job.cancel_requested, job.isolated_fence = job.fence AS isolated
FROM soniq_jobs AS job
WHERE job.status = 'processing'
    AND NOT EXISTS (
        SELECT FROM soniq_workers AS worker
        WHERE worker.id = job.worker_id
            AND (
                worker.expires_at > COALESCE($1::timestamptz, now())
                -- After a restart of the server everybody gets a full lease to come back.
                OR $1::timestamptz IS NULL
                AND pg_postmaster_start_time() + (worker.expires_at - worker.renewed_at) > now()
                AND worker.renewed_at < pg_postmaster_start_time()
            )
    )

SELECT id, job_name, queue, worker_id, crashes, cancel_requested, isolated_fence = fence, fence,
    attempts, scheduled_at, started_at
FROM soniq_jobs
WHERE status = 'processing' AND NOT EXISTS (
    SELECT 1 FROM soniq_workers
    WHERE soniq_workers.id = soniq_jobs.worker_id AND soniq_workers.expires_at > :now
)
ORDER BY id

SELECT id, queue, job_name, scheduled_at FROM soniq_jobs
WHERE status = 'queued' AND scheduled_at <= :due_before
    AND job_name IN (SELECT value FROM json_each(:names))
    -- What waits for an operator has not waited in vain for a worker.
    AND NOT EXISTS (SELECT 1 FROM soniq_paused_queues AS pause WHERE pause.queue = soniq_jobs.queue)

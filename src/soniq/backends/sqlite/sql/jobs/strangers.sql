SELECT id, queue, job_name, scheduled_at FROM soniq_jobs
WHERE status = 'queued' AND scheduled_at <= :due_before
    AND job_name IN (SELECT value FROM json_each(:names))

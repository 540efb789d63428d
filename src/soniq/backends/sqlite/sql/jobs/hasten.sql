UPDATE soniq_jobs SET scheduled_at = :now
WHERE id = :id AND +status = 'queued' AND scheduled_at > :now

UPDATE soniq_jobs SET status = 'cancelled', finished_at = :now
WHERE id = :id AND status = 'queued'

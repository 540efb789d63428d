UPDATE soniq_jobs
SET status = 'done', finished_at = :now, result = :result, result_error = :result_error
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status = 'processing'

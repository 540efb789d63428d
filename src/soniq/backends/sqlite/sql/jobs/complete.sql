-- The claim that has made a job done may say so again: after a lost answer, or with the result.
UPDATE soniq_jobs
SET status = 'done', finished_at = CASE status WHEN 'done' THEN finished_at ELSE :now END,
    result = :result, result_error = :result_error
WHERE id = :id AND fence = :fence AND worker_id = :worker AND status IN ('processing', 'done')

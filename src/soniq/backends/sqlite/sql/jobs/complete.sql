-- `+status`: each row is a probe of the primary key, no walk along what the worker is running.
-- One statement for the whole batch: rows are JSON lists of id, fence, result and result_error.
UPDATE soniq_jobs
SET status = 'done', finished_at = :now,
    result = json_extract(given.value, '$[2]'), result_error = json_extract(given.value, '$[3]')
FROM json_each(:rows) AS given
WHERE soniq_jobs.id = json_extract(given.value, '$[0]')
    AND fence = json_extract(given.value, '$[1]') AND worker_id = :worker
    AND +status = 'processing'
RETURNING id, started_at

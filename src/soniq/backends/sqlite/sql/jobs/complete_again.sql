-- The claim that has made a job done may say so again: after a lost answer, or with the result.
UPDATE soniq_jobs
SET result = json_extract(given.value, '$[2]'), result_error = json_extract(given.value, '$[3]')
FROM json_each(:rows) AS given
WHERE soniq_jobs.id = json_extract(given.value, '$[0]')
    AND fence = json_extract(given.value, '$[1]') AND worker_id = :worker
    AND status = 'done'
RETURNING id

-- One branch for each partial index, so that each is read alone and nothing twice.
SELECT queue, 'queued' AS state, count(*) AS number
FROM soniq_jobs
WHERE status = 'queued'
GROUP BY queue
UNION ALL
SELECT queue, 'processing', count(*)
FROM soniq_jobs
WHERE status = 'processing'
GROUP BY queue
UNION ALL
SELECT queue, status, count(*)
FROM soniq_jobs
WHERE finished_at IS NOT NULL
GROUP BY queue, status
UNION ALL
SELECT queue, 'dead_letter', count(*)
FROM soniq_dead_letter_jobs
GROUP BY queue

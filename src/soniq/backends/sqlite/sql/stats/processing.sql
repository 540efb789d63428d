SELECT queue, count(*) FROM soniq_jobs INDEXED BY soniq_jobs_processing
WHERE status = 'processing'
GROUP BY queue

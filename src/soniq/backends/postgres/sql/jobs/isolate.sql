UPDATE soniq_jobs AS job
SET isolated_fence = job.fence
WHERE job.id = $1
    AND job.fence = $2
    AND job.worker_id = $3
    AND job.status || '' = 'processing'
RETURNING job.id

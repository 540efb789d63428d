-- What a worker holds in the table but does not know of ($2: what it does know of).
SELECT job.id, job.fence
FROM soniq_jobs AS job
WHERE job.status = 'processing' AND job.worker_id = $1 AND job.id <> ALL ($2::uuid[])

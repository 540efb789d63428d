-- Claims that a worker has in the table but does not know of ($2, $3: those that it does know of).
SELECT job.id, job.fence
FROM soniq_jobs AS job
WHERE job.status = 'processing'
    AND job.worker_id = $1
    AND NOT EXISTS (
        SELECT
        FROM unnest($2::uuid[], $3::integer[]) AS known (id, fence)
        WHERE known.id = job.id AND known.fence = job.fence
    )

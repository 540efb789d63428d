-- Of the claims that a worker believes to own: those it has lost, and those it shall end.
SELECT claim.id, claim.fence, COALESCE(held.cancelled, false) AS cancelled
FROM unnest($2::uuid[], $3::integer[]) AS claim (id, fence)
LEFT JOIN LATERAL (
    SELECT job.cancel_requested AND job.status || '' = 'processing' AS cancelled
    FROM soniq_jobs AS job
    WHERE job.id = claim.id
        AND job.fence = claim.fence
        AND job.worker_id = $1
        AND job.status || '' IN ('processing', 'done')
) AS held ON true
WHERE held.cancelled IS DISTINCT FROM false

-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
UPDATE soniq_jobs AS job
SET status = 'cancelled', finished_at = COALESCE($1::timestamptz, now())
FROM unnest($3::uuid[], $4::integer[]) AS claim (id, fence)
WHERE job.id = ANY (ARRAY[claim.id])
    AND job.fence = claim.fence
    AND job.worker_id = $2
    AND job.status || '' = 'processing'
RETURNING job.id

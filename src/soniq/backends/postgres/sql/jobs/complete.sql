-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
-- The claim that has made a job done may say so again: after a lost answer, or with the result.
UPDATE soniq_jobs AS job
SET status = 'done',
    finished_at = CASE job.status
        WHEN 'done' THEN job.finished_at
        ELSE COALESCE($1::timestamptz, now())
    END,
    result = claim.result,
    result_error = claim.result_error
FROM unnest($3::uuid[], $4::integer[], $5::json[], $6::text[])
    AS claim (id, fence, result, result_error)
WHERE job.id = ANY (ARRAY[claim.id])
    AND job.fence = claim.fence
    AND job.worker_id = $2
    AND job.status || '' IN ('processing', 'done')
RETURNING job.id

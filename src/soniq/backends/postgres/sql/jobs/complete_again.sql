-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
-- The claim that has made a job done may say so again: after a lost answer, or with the result.
WITH done AS (
    UPDATE soniq_jobs AS job
    SET result = claim.result, result_error = claim.result_error
    FROM unnest($2::uuid[], $3::integer[], $4::json[], $5::text[])
        AS claim (id, fence, result, result_error)
    WHERE job.id = ANY (ARRAY[claim.id])
        AND job.fence = claim.fence
        AND job.worker_id = $1
        AND job.status || '' = 'done'
    RETURNING job.id
)
SELECT array_agg(id) AS ids
FROM done
HAVING count(*) > 0

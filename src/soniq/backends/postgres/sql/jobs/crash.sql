-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
UPDATE soniq_jobs AS job
SET status = CASE WHEN job.cancel_requested THEN 'cancelled' ELSE 'queued' END,
    finished_at = CASE WHEN job.cancel_requested THEN COALESCE($1::timestamptz, now()) END,
    worker_id = NULL,
    attempts = LEAST(job.attempts, job.max_attempts - 1),
    crashes = job.crashes + 1,
    last_error = claim.last_error,
    last_traceback = claim.last_traceback,
    -- A key that another waiting job holds by now is given up; $3 false: it is given up in any case.
    unique_key = CASE
        WHEN $3::boolean AND NOT EXISTS (
            SELECT FROM soniq_jobs AS other
            WHERE other.status = 'queued' AND other.unique_key = job.unique_key
        ) THEN job.unique_key
    END
FROM unnest($4::uuid[], $5::integer[], $6::text[], $7::text[])
    AS claim (id, fence, last_error, last_traceback)
WHERE job.id = ANY (ARRAY[claim.id])
    AND job.fence = claim.fence
    AND job.worker_id = $2
    AND job.status || '' = 'processing'
RETURNING job.id

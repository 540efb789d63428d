-- As jobs/complete, for claims of one fence whose handlers have returned nothing: one walk along the
-- primary key, and no answer but the number of rows.
UPDATE soniq_jobs AS job
SET status = 'done',
    finished_at = CASE job.status
        WHEN 'done' THEN job.finished_at
        ELSE COALESCE($1::timestamptz, now())
    END,
    result = NULL,
    result_error = NULL
WHERE job.id = ANY ($3::uuid[])
    AND job.fence = $4
    AND job.worker_id = $2
    AND job.status || '' IN ('processing', 'done')

-- Who stands in the way of jobs that were not inserted: the same job, or the holder of its key.
SELECT
    new.id,
    COALESCE(
        (SELECT job.id::text FROM soniq_jobs AS job WHERE job.id = new.id::uuid),
        (
            SELECT job.id::text
            FROM soniq_jobs AS job
            WHERE job.status = 'queued' AND job.unique_key = new.unique_key
        )
    ) AS holder
FROM unnest($1::text[], $2::text[]) AS new (id, unique_key)

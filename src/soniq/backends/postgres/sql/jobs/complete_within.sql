-- The end of a handler's transaction $5. Text with casts, because the connection was in the
-- handler's hands and may have its own codecs; not now(), which is when the transaction began.
WITH done AS (
    UPDATE soniq_jobs AS job
    SET status = 'done',
        finished_at = COALESCE($1::timestamptz, statement_timestamp())
    WHERE job.id = $3::text::uuid
        AND job.fence = $4::integer
        AND job.worker_id = $2::text::uuid
        AND job.status || '' = 'processing'
        AND pg_current_xact_id()::text = $5
    RETURNING
        job.queue, job.job_name, job.finished_at,
        GREATEST(date_part('epoch', job.started_at - job.scheduled_at), 0) AS waited,
        GREATEST(date_part('epoch', job.finished_at - job.started_at), 0) AS ran
)
SELECT
    pg_current_xact_id()::text = $5 AS same,
    EXISTS (SELECT FROM done) AS owned,
    (
        SELECT soniq_append_tally(
            finished_at, $2::text::uuid, 'complete', queue, job_name, 1, waited, ran,
            soniq_letter(waited), soniq_letter(ran)
        )
        FROM done
        WHERE $6::text::boolean
    ) AS counted

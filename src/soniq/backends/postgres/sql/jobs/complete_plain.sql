-- As jobs/complete, for first claims whose handlers have returned nothing: one walk along the primary
-- key, and no answer but the number of rows.
WITH done AS (
    UPDATE soniq_jobs AS job
    SET status = 'done',
        finished_at = COALESCE($1::timestamptz, now()),
        result = NULL,
        result_error = NULL
    WHERE job.id = ANY ($3::uuid[])
        AND job.fence = $4
        AND job.worker_id = $2
        AND job.status || '' = 'processing'
    RETURNING
        job.queue, job.job_name,
        GREATEST(date_part('epoch', job.started_at - job.scheduled_at), 0) AS waited,
        GREATEST(date_part('epoch', COALESCE($1::timestamptz, now()) - job.started_at), 0) AS ran
),
tally AS (
    SELECT ROW(
        queue, job_name, count(*), sum(waited), sum(ran), array_agg(soniq_bucket(waited)),
        array_agg(soniq_bucket(ran))
    )::soniq_tally AS counts
    FROM done
    GROUP BY queue, job_name
)
SELECT
    (SELECT count(*) FROM done) AS number,
    CASE WHEN $5::boolean THEN soniq_roll_up_all(
        COALESCE($1::timestamptz, now()), $2, 'complete', array_agg(counts)
    ) END AS counted
FROM tally

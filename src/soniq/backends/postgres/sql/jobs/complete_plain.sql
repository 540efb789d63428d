-- As jobs/complete, for first claims of one name in one queue whose handlers have returned nothing: one
-- walk along the primary key, nothing to group, and no answer but the number of rows.
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
        GREATEST(date_part('epoch', job.started_at - job.scheduled_at), 0) AS waited,
        GREATEST(date_part('epoch', COALESCE($1::timestamptz, now()) - job.started_at), 0) AS ran
)
SELECT
    count(*) AS number,
    CASE WHEN $7::boolean AND count(*) > 0 THEN soniq_roll_up(
        COALESCE($1::timestamptz, now()), $2, 'complete', $5, $6, count(*), sum(waited), sum(ran),
        array_agg(soniq_bucket(waited)), array_agg(soniq_bucket(ran))
    ) END AS counted
FROM done

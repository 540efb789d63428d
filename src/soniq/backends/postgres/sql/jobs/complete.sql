-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
WITH done AS (
    UPDATE soniq_jobs AS job
    SET status = 'done',
        finished_at = COALESCE($1::timestamptz, now()),
        result = claim.result,
        result_error = claim.result_error
    FROM unnest($3::uuid[], $4::integer[], $5::json[], $6::text[])
        AS claim (id, fence, result, result_error)
    WHERE job.id = ANY (ARRAY[claim.id])
        AND job.fence = claim.fence
        AND job.worker_id = $2
        AND job.status || '' = 'processing'
    RETURNING
        job.id, job.queue, job.job_name,
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
    (SELECT array_agg(id) FROM done) AS ids,
    CASE WHEN $7::boolean THEN soniq_roll_up_all(
        COALESCE($1::timestamptz, now()), $2, 'complete', array_agg(counts)
    ) END AS counted
FROM tally
HAVING count(*) > 0

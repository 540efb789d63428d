-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
WITH ended AS (
    UPDATE soniq_jobs AS job
    SET status = 'cancelled', finished_at = COALESCE($1::timestamptz, now())
    FROM unnest($3::uuid[], $4::integer[]) AS claim (id, fence)
    WHERE job.id = ANY (ARRAY[claim.id])
        AND job.fence = claim.fence
        AND job.worker_id = $2
        AND job.status || '' = 'processing'
    RETURNING
        job.id, job.fence, job.queue, job.job_name, job.started_at,
        job.attempts AS attempt, NULL AS last_error, NULL AS last_traceback, 'cancel' AS outcome,
        GREATEST(date_part('epoch', job.started_at - job.scheduled_at), 0) AS waited,
        GREATEST(date_part('epoch', COALESCE($1::timestamptz, now()) - job.started_at), 0) AS ran
)
SELECT
    array_agg(id) AS ids,
    sum(soniq_keep_attempt(
        id, fence, attempt, $2, outcome, started_at, COALESCE($1::timestamptz, now()), last_error,
        last_traceback
    )) AS kept,
    CASE WHEN $5::boolean THEN soniq_append_tally(
        COALESCE($1::timestamptz, now()), $2, outcome, queue, job_name, count(*), sum(waited),
        sum(ran), string_agg(soniq_letter(waited), ''), string_agg(soniq_letter(ran), '')
    ) END AS counted
FROM ended
GROUP BY queue, job_name, outcome

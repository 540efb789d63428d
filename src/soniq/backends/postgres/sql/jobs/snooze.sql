-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
WITH ended AS (
    UPDATE soniq_jobs AS job
    SET status = CASE WHEN job.cancel_requested THEN 'cancelled' ELSE 'queued' END,
        finished_at = CASE WHEN job.cancel_requested THEN COALESCE($1::timestamptz, now()) END,
        worker_id = NULL,
        scheduled_at = COALESCE($1::timestamptz, now()) + claim.seconds * interval '1 second',
        attempts = job.attempts - 1,
        -- A key that another waiting job holds by now is given up; $3 false: in any case.
        unique_key = CASE
            WHEN $3::boolean AND NOT EXISTS (
                SELECT FROM soniq_jobs AS other
                WHERE other.status = 'queued' AND other.unique_key = job.unique_key
            ) THEN job.unique_key
        END
    FROM unnest($4::uuid[], $5::integer[], $6::float8[], $7::timestamptz[])
        AS claim (id, fence, seconds, due)
    WHERE job.id = ANY (ARRAY[claim.id])
        AND job.fence = claim.fence
        AND job.worker_id = $2
        AND job.status || '' = 'processing'
    RETURNING
        job.id, job.fence, job.queue, job.job_name, job.started_at,
        job.attempts + 1 AS attempt, NULL AS last_error, NULL AS last_traceback,
        CASE job.status WHEN 'cancelled' THEN 'cancel' ELSE 'snooze' END AS outcome,
        GREATEST(date_part('epoch', job.started_at - claim.due), 0) AS waited,
        GREATEST(date_part('epoch', COALESCE($1::timestamptz, now()) - job.started_at), 0) AS ran
)
SELECT
    array_agg(id) AS ids,
    sum(soniq_keep_attempt(
        id, fence, attempt, $2, outcome, started_at, COALESCE($1::timestamptz, now()), last_error,
        last_traceback
    )) AS kept,
    CASE WHEN $8::boolean THEN soniq_append_tally(
        COALESCE($1::timestamptz, now()), $2, outcome, queue, job_name, count(*), sum(waited),
        sum(ran), string_agg(soniq_letter(waited), ''), string_agg(soniq_letter(ran), '')
    ) END AS counted
FROM ended
GROUP BY queue, job_name, outcome

-- Everything is checked again: since jobs/orphans the worker may have settled the job, or renewed.
-- What has crashed how often can't have changed under the same fence; that its end is asked for can.
WITH ended AS (
    UPDATE soniq_jobs AS job
    SET status = CASE WHEN job.cancel_requested THEN 'cancelled' ELSE 'queued' END,
        finished_at = CASE WHEN job.cancel_requested THEN COALESCE($1::timestamptz, now()) END,
        worker_id = NULL,
        attempts = LEAST(job.attempts, job.max_attempts - 1),
        crashes = job.crashes + 1,
        last_error = $5,
        last_traceback = NULL,
        -- A key that another waiting job holds by now is given up; $3 false: in any case.
        unique_key = CASE
            WHEN $3::boolean AND NOT EXISTS (
                SELECT FROM soniq_jobs AS other
                WHERE other.status = 'queued' AND other.unique_key = job.unique_key
            ) THEN job.unique_key
        END
    WHERE job.id = $2
        AND job.fence = $4
        AND job.worker_id = $7
        AND job.status || '' = 'processing'
        AND NOT EXISTS (
            SELECT FROM soniq_workers AS worker
            WHERE worker.id = job.worker_id
                AND worker.expires_at > COALESCE($1::timestamptz, now())
        )
    RETURNING
        job.id, job.fence, job.queue, job.job_name, job.started_at,
        $6::integer AS attempt, $5::text AS last_error, NULL AS last_traceback,
        CASE job.status WHEN 'cancelled' THEN 'cancel' ELSE 'crash' END AS outcome,
        GREATEST(date_part('epoch', job.started_at - job.scheduled_at), 0) AS waited,
        GREATEST(date_part('epoch', COALESCE($1::timestamptz, now()) - job.started_at), 0) AS ran
)
SELECT
    outcome,
    array_agg(id) AS ids,
    sum(soniq_keep_attempt(
        id, fence, attempt, $7, outcome, started_at, COALESCE($1::timestamptz, now()), last_error,
        last_traceback
    )) AS kept,
    CASE WHEN $8::boolean THEN soniq_append_tally(
        COALESCE($1::timestamptz, now()), $7, outcome, queue, job_name, count(*), sum(waited),
        sum(ran), string_agg(soniq_letter(waited), ''), string_agg(soniq_letter(ran), '')
    ) END AS counted
FROM ended
GROUP BY queue, job_name, outcome

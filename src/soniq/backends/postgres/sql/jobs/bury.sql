-- `= ANY (ARRAY[…])` and `status || ''`: the planner shall see nothing but a probe of the primary key
-- for each row. Its statistics are often minutes behind here, and any other plan can be ruinous.
WITH gone AS (
    DELETE FROM soniq_jobs AS job
    USING unnest($3::uuid[], $4::integer[], $5::text[], $6::text[], $7::text[])
        AS claim (id, fence, reason, last_error, last_traceback)
    WHERE job.id = ANY (ARRAY[claim.id])
        AND job.fence = claim.fence
        AND job.worker_id = $2
        AND job.status || '' = 'processing'
    RETURNING
        job.id, job.fence, job.job_name, job.queue, job.priority, job.args, job.attempts,
        job.max_attempts, claim.reason, job.scheduled_at, job.created_at, job.started_at,
        job.worker_id, claim.last_error, claim.last_traceback,
        GREATEST(date_part('epoch', job.started_at - job.scheduled_at), 0) AS waited,
        GREATEST(date_part('epoch', COALESCE($1::timestamptz, now()) - job.started_at), 0) AS ran,
        job.crashes + (claim.reason = 'worker_crashed')::integer AS crashes,
        job.headers
),
buried AS (
    INSERT INTO soniq_dead_letter_jobs (
        id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at,
        created_at, started_at, finished_at, worker_id, last_error, last_traceback, crashes,
        headers
    )
    SELECT
        id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at,
        created_at, started_at, COALESCE($1::timestamptz, now()), worker_id, last_error,
        last_traceback, crashes, headers
    FROM gone
    -- An id that was buried, inserted anew and buried again keeps its latest end.
    ON CONFLICT (id) DO UPDATE SET
        attempts = excluded.attempts,
        reason = excluded.reason,
        started_at = excluded.started_at,
        finished_at = excluded.finished_at,
        worker_id = excluded.worker_id,
        last_error = excluded.last_error,
        last_traceback = excluded.last_traceback,
        crashes = excluded.crashes
)
SELECT
    array_agg(id) AS ids,
    sum(soniq_keep_attempt(
        id, fence, attempts, $2, 'bury', started_at, COALESCE($1::timestamptz, now()), last_error,
        last_traceback
    )) AS kept,
    CASE WHEN $8::boolean THEN soniq_append_tally(
        COALESCE($1::timestamptz, now()), $2, 'bury', queue, job_name, count(*), sum(waited),
        sum(ran), string_agg(soniq_letter(waited), ''), string_agg(soniq_letter(ran), '')
    ) END AS counted
FROM gone
GROUP BY queue, job_name

-- Everything is checked again, as in jobs/rescue.
WITH gone AS (
    DELETE FROM soniq_jobs AS job
    WHERE job.id = $2
        AND job.fence = $3
        AND job.status || '' = 'processing'
        AND NOT job.cancel_requested
        AND NOT EXISTS (
            SELECT FROM soniq_workers AS worker
            WHERE worker.id = job.worker_id
                AND worker.expires_at > COALESCE($1::timestamptz, now())
        )
    RETURNING
        job.*,
        GREATEST(date_part('epoch', job.started_at - job.scheduled_at), 0) AS waited,
        GREATEST(date_part('epoch', COALESCE($1::timestamptz, now()) - job.started_at), 0) AS ran
),
buried AS (
    INSERT INTO soniq_dead_letter_jobs (
        id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at,
        created_at, started_at, finished_at, worker_id, last_error, last_traceback, crashes,
        headers
    )
    SELECT
        id, job_name, queue, priority, args, attempts, max_attempts, $4, scheduled_at,
        created_at, started_at, COALESCE($1::timestamptz, now()), worker_id, $5, NULL, crashes + 1,
        headers
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
        id, fence, attempts, worker_id, 'bury', started_at, COALESCE($1::timestamptz, now()), $5,
        NULL
    )) AS kept,
    CASE WHEN $6::boolean THEN soniq_append_tally(
        COALESCE($1::timestamptz, now()), worker_id, 'bury', queue, job_name, count(*),
        sum(waited), sum(ran), string_agg(soniq_letter(waited), ''),
        string_agg(soniq_letter(ran), '')
    ) END AS counted
FROM gone
GROUP BY queue, job_name, worker_id

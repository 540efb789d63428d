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
counted AS (
    INSERT INTO soniq_tallies (
        minute, worker_id, queue, job_name, outcome, count, wait_seconds, run_seconds, waits, runs
    )
    SELECT
        date_bin('1 minute', COALESCE($1::timestamptz, now()), 'epoch'), $2, queue, job_name,
        'complete', count(*), sum(waited), sum(ran), string_agg(soniq_letter(waited), ''),
        string_agg(soniq_letter(ran), '')
    FROM done
    WHERE $5::boolean
    GROUP BY queue, job_name
)
SELECT count(*) AS number FROM done

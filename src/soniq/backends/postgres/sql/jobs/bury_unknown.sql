WITH stranger AS (
    SELECT named.job_name
    FROM unnest($2::text[]) AS named (job_name)
    WHERE NOT EXISTS (
        SELECT FROM soniq_workers AS worker
        WHERE named.job_name = ANY (worker.tasks)
            AND worker.expires_at > COALESCE($1::timestamptz, now())
    )
),
gone AS (
    DELETE FROM soniq_jobs AS job
    WHERE job.status = 'queued'
        AND job.job_name = ANY (ARRAY(SELECT stranger.job_name FROM stranger))
        AND job.scheduled_at <= COALESCE($1::timestamptz, now()) - $3 * interval '1 second'
        -- What waits for an operator has not waited in vain for a worker.
        AND NOT EXISTS (SELECT FROM soniq_paused_queues AS pause WHERE pause.queue = job.queue)
    RETURNING job.*
),
buried AS (
    INSERT INTO soniq_dead_letter_jobs (
        id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at,
        created_at, started_at, finished_at, worker_id, last_error, last_traceback, crashes,
        headers
    )
    SELECT
        id, job_name, queue, priority, args, attempts, max_attempts, $4, scheduled_at,
        created_at, started_at, COALESCE($1::timestamptz, now()), worker_id, $5, NULL, crashes,
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
-- No attempt has ended here, and no worker had the job.
SELECT
    array_agg(id) AS ids,
    CASE WHEN $6::boolean THEN soniq_append_tally(
        COALESCE($1::timestamptz, now()), '00000000-0000-0000-0000-000000000000', 'bury', queue,
        job_name, count(*), 0, 0, '', ''
    ) END AS counted
FROM gone
GROUP BY queue, job_name

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
counted AS (
    INSERT INTO soniq_tallies (
        minute, worker_id, queue, job_name, outcome, count, wait_seconds, run_seconds, waits, runs
    )
    SELECT
        date_bin('1 minute', COALESCE($1::timestamptz, now()), 'epoch'), $2, queue, job_name,
        'complete', count(*), sum(waited), sum(ran), string_agg(soniq_letter(waited), ''),
        string_agg(soniq_letter(ran), '')
    FROM done
    WHERE $7::boolean
    GROUP BY queue, job_name
)
SELECT array_agg(id) AS ids FROM done HAVING count(*) > 0

-- Add up to $1 tallies to the rollups, and delete them. Others may do the same: none waits for a tally,
-- and all take the rows of rollups in the same order. Their session is none: they are of many.
WITH taken AS (
    DELETE FROM soniq_tallies
    WHERE ctid = ANY (ARRAY(
        SELECT tally.ctid FROM soniq_tallies AS tally LIMIT $1 FOR UPDATE SKIP LOCKED
    ))
    RETURNING
        minute, worker_id, queue, job_name, outcome, count, wait_seconds, run_seconds, waits, runs
),
added AS (
    INSERT INTO soniq_rollups AS total (
        minute, worker_id, session, queue, job_name, outcome, count, wait_seconds, run_seconds,
        waits, runs
    )
    SELECT
        minute, worker_id, 0, queue, job_name, outcome, sum(count), sum(wait_seconds),
        sum(run_seconds), soniq_spread(string_agg(waits, '')), soniq_spread(string_agg(runs, ''))
    FROM taken
    GROUP BY minute, worker_id, queue, job_name, outcome
    ORDER BY minute, worker_id, queue, job_name, outcome
    ON CONFLICT ON CONSTRAINT soniq_rollups_pkey DO UPDATE SET
        count = total.count + excluded.count,
        wait_seconds = total.wait_seconds + excluded.wait_seconds,
        run_seconds = total.run_seconds + excluded.run_seconds,
        waits = soniq_add(total.waits, excluded.waits),
        runs = soniq_add(total.runs, excluded.runs)
)
SELECT count(*) AS number FROM taken

-- Counts of a statement that ends attempts in many queues: one walk for all of them. A function call
-- for each, with a statement of its own, costs more than what it counts.

-- Attempts with the same outcome, of jobs of one name in one queue: the sums of their waits and runs
-- in seconds, and for each attempt the bucket that these fall into.
CREATE TYPE soniq_tally AS (
    queue text,
    job_name text,
    number bigint,
    waited double precision,
    ran double precision,
    waits integer[],
    runs integer[]
);

-- Add attempts that ended with the same outcome to the rows of this session. Called by the statement
-- that ends them, so that it counts what it ends. Returns how many there were.
CREATE FUNCTION soniq_roll_up_all(
    ended_at timestamptz, by_worker uuid, as_what text, tallies soniq_tally[]
) RETURNS bigint LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO soniq_rollups AS total (
        minute, worker_id, session, queue, job_name, outcome, count, wait_seconds, run_seconds,
        waits, runs
    )
    SELECT
        date_bin('1 minute', ended_at, 'epoch'), by_worker, pg_backend_pid(), tally.queue,
        tally.job_name, as_what, tally.number, COALESCE(tally.waited, 0), COALESCE(tally.ran, 0),
        ARRAY[
            cardinality(array_positions(tally.waits, 0)), cardinality(array_positions(tally.waits, 1)),
            cardinality(array_positions(tally.waits, 2)), cardinality(array_positions(tally.waits, 3)),
            cardinality(array_positions(tally.waits, 4)), cardinality(array_positions(tally.waits, 5)),
            cardinality(array_positions(tally.waits, 6)), cardinality(array_positions(tally.waits, 7)),
            cardinality(array_positions(tally.waits, 8)), cardinality(array_positions(tally.waits, 9)),
            cardinality(array_positions(tally.waits, 10)), cardinality(array_positions(tally.waits, 11)),
            cardinality(array_positions(tally.waits, 12))
        ]::bigint[],
        ARRAY[
            cardinality(array_positions(tally.runs, 0)), cardinality(array_positions(tally.runs, 1)),
            cardinality(array_positions(tally.runs, 2)), cardinality(array_positions(tally.runs, 3)),
            cardinality(array_positions(tally.runs, 4)), cardinality(array_positions(tally.runs, 5)),
            cardinality(array_positions(tally.runs, 6)), cardinality(array_positions(tally.runs, 7)),
            cardinality(array_positions(tally.runs, 8)), cardinality(array_positions(tally.runs, 9)),
            cardinality(array_positions(tally.runs, 10)), cardinality(array_positions(tally.runs, 11)),
            cardinality(array_positions(tally.runs, 12))
        ]::bigint[]
    FROM unnest(tallies) AS tally
    ON CONFLICT ON CONSTRAINT soniq_rollups_pkey DO UPDATE SET
        count = total.count + excluded.count,
        wait_seconds = total.wait_seconds + excluded.wait_seconds,
        run_seconds = total.run_seconds + excluded.run_seconds,
        waits = ARRAY[
            total.waits[1] + excluded.waits[1], total.waits[2] + excluded.waits[2],
            total.waits[3] + excluded.waits[3], total.waits[4] + excluded.waits[4],
            total.waits[5] + excluded.waits[5], total.waits[6] + excluded.waits[6],
            total.waits[7] + excluded.waits[7], total.waits[8] + excluded.waits[8],
            total.waits[9] + excluded.waits[9], total.waits[10] + excluded.waits[10],
            total.waits[11] + excluded.waits[11], total.waits[12] + excluded.waits[12],
            total.waits[13] + excluded.waits[13]
        ],
        runs = ARRAY[
            total.runs[1] + excluded.runs[1], total.runs[2] + excluded.runs[2],
            total.runs[3] + excluded.runs[3], total.runs[4] + excluded.runs[4],
            total.runs[5] + excluded.runs[5], total.runs[6] + excluded.runs[6],
            total.runs[7] + excluded.runs[7], total.runs[8] + excluded.runs[8],
            total.runs[9] + excluded.runs[9], total.runs[10] + excluded.runs[10],
            total.runs[11] + excluded.runs[11], total.runs[12] + excluded.runs[12],
            total.runs[13] + excluded.runs[13]
        ];
    RETURN (SELECT sum(tally.number) FROM unnest(tallies) AS tally);
END
$body$;

-- The same for attempts of one name in one queue.
CREATE OR REPLACE FUNCTION soniq_roll_up(
    ended_at timestamptz, by_worker uuid, as_what text, in_queue text, of_name text,
    number bigint, waited double precision, ran double precision, w integer[], r integer[]
) RETURNS bigint LANGUAGE sql AS $body$
SELECT soniq_roll_up_all(
    ended_at, by_worker, as_what,
    ARRAY[ROW(in_queue, of_name, number, waited, ran, w, r)::soniq_tally]
)
$body$;

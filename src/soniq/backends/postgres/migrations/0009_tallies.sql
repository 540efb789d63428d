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

-- How many of these fall into each bucket. This one and the next are short enough for the planner to
-- put them in place of their calls.
CREATE FUNCTION soniq_histogram(buckets integer[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE
RETURN ARRAY[
    cardinality(array_positions(buckets, 0)), cardinality(array_positions(buckets, 1)),
    cardinality(array_positions(buckets, 2)), cardinality(array_positions(buckets, 3)),
    cardinality(array_positions(buckets, 4)), cardinality(array_positions(buckets, 5)),
    cardinality(array_positions(buckets, 6)), cardinality(array_positions(buckets, 7)),
    cardinality(array_positions(buckets, 8)), cardinality(array_positions(buckets, 9)),
    cardinality(array_positions(buckets, 10)), cardinality(array_positions(buckets, 11)),
    cardinality(array_positions(buckets, 12))
]::bigint[];

CREATE FUNCTION soniq_add(one bigint[], other bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE
RETURN ARRAY[
    one[1] + other[1], one[2] + other[2], one[3] + other[3], one[4] + other[4],
    one[5] + other[5], one[6] + other[6], one[7] + other[7], one[8] + other[8],
    one[9] + other[9], one[10] + other[10], one[11] + other[11], one[12] + other[12],
    one[13] + other[13]
];

-- Add attempts that ended with the same outcome to the rows of this session. Called by the statement
-- that ends them, so that it counts what it ends. Returns the number of rows.
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
        soniq_histogram(tally.waits), soniq_histogram(tally.runs)
    FROM unnest(tallies) AS tally
    ON CONFLICT ON CONSTRAINT soniq_rollups_pkey DO UPDATE SET
        count = total.count + excluded.count,
        wait_seconds = total.wait_seconds + excluded.wait_seconds,
        run_seconds = total.run_seconds + excluded.run_seconds,
        waits = soniq_add(total.waits, excluded.waits),
        runs = soniq_add(total.runs, excluded.runs);
    RETURN cardinality(tallies);
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

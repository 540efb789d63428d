-- What has become of attempts, minute by minute. The worker has a row of its own, and each of its
-- sessions one: nobody ever waits for the lock on another one's row until that one has committed.
CREATE TABLE soniq_rollups (
    minute timestamptz NOT NULL,
    -- All zero where a job was buried that no worker had.
    worker_id uuid NOT NULL,
    -- The server's process, as in pg_stat_activity.
    session integer NOT NULL,
    -- Compared byte by byte: they are only ever looked for.
    queue text COLLATE "C" NOT NULL,
    job_name text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL
        CHECK (outcome IN ('complete', 'retry', 'bury', 'crash', 'cancel', 'snooze')),
    count bigint NOT NULL,
    -- Sums: from due to claimed, and from claimed to the end.
    wait_seconds double precision NOT NULL,
    run_seconds double precision NOT NULL,
    -- How many of them took how long, by the bounds in soniq_bucket.
    waits bigint[] NOT NULL,
    runs bigint[] NOT NULL,
    -- stats/rollups, stats/prune: minutes from one to another.
    PRIMARY KEY (minute, worker_id, session, queue, job_name, outcome)
) WITH (
    -- A row is rewritten many times within its minute: with room on its page no index is touched.
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_threshold = 500
);

-- Which bucket of a histogram a duration falls into: the bounds of soniq/histogram.py. Short enough for
-- the planner to put it in place of its calls.
CREATE FUNCTION soniq_bucket(seconds double precision) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN width_bucket(
    seconds,
    '{0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600}'::double precision[]
);

-- Add attempts with the same outcome, of jobs of one name in one queue, to the row of this session.
-- Called by the statement that ends them, so that it counts what it ends.
CREATE FUNCTION soniq_roll_up(
    ended_at timestamptz, by_worker uuid, as_what text, in_queue text, of_name text,
    number bigint, waited double precision, ran double precision, w integer[], r integer[]
) RETURNS bigint LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO soniq_rollups AS total (
        minute, worker_id, session, queue, job_name, outcome, count, wait_seconds, run_seconds,
        waits, runs
    )
    VALUES (
        date_bin('1 minute', ended_at, 'epoch'), by_worker, pg_backend_pid(), in_queue, of_name,
        as_what, number, COALESCE(waited, 0), COALESCE(ran, 0),
        ARRAY[
            cardinality(array_positions(w, 0)), cardinality(array_positions(w, 1)),
            cardinality(array_positions(w, 2)), cardinality(array_positions(w, 3)),
            cardinality(array_positions(w, 4)), cardinality(array_positions(w, 5)),
            cardinality(array_positions(w, 6)), cardinality(array_positions(w, 7)),
            cardinality(array_positions(w, 8)), cardinality(array_positions(w, 9)),
            cardinality(array_positions(w, 10)), cardinality(array_positions(w, 11)),
            cardinality(array_positions(w, 12))
        ]::bigint[],
        ARRAY[
            cardinality(array_positions(r, 0)), cardinality(array_positions(r, 1)),
            cardinality(array_positions(r, 2)), cardinality(array_positions(r, 3)),
            cardinality(array_positions(r, 4)), cardinality(array_positions(r, 5)),
            cardinality(array_positions(r, 6)), cardinality(array_positions(r, 7)),
            cardinality(array_positions(r, 8)), cardinality(array_positions(r, 9)),
            cardinality(array_positions(r, 10)), cardinality(array_positions(r, 11)),
            cardinality(array_positions(r, 12))
        ]::bigint[]
    )
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
    RETURN number;
END
$body$;

-- The latest attempts of each job that did not end well; a success leaves no row.
CREATE TABLE soniq_attempts (
    job_id uuid NOT NULL,
    -- The number of the claim, which no other attempt of the job has.
    fence integer NOT NULL,
    attempt integer NOT NULL,
    worker_id uuid NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('retry', 'bury', 'crash', 'cancel', 'snooze')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    error text,
    traceback text,
    -- attempts/find, and whatever deletes a job: all of one job.
    PRIMARY KEY (job_id, fence)
);

-- Note the end of an attempt, and forget those of the job's claims before the last fifty.
CREATE FUNCTION soniq_keep_attempt(
    of_job uuid, at_fence integer, as_number integer, by_worker uuid, as_what text,
    began timestamptz, ended timestamptz, said text, trace text
) RETURNS integer LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO soniq_attempts (
        job_id, fence, attempt, worker_id, outcome, started_at, finished_at, error, traceback
    )
    VALUES (of_job, at_fence, as_number, by_worker, as_what, began, ended, said, trace)
    -- An id that was buried and inserted anew counts its claims anew.
    ON CONFLICT (job_id, fence) DO UPDATE SET
        attempt = excluded.attempt,
        worker_id = excluded.worker_id,
        outcome = excluded.outcome,
        started_at = excluded.started_at,
        finished_at = excluded.finished_at,
        error = excluded.error,
        traceback = excluded.traceback;
    IF at_fence > 50 THEN
        DELETE FROM soniq_attempts WHERE job_id = of_job AND fence <= at_fence - 50;
    END IF;
    RETURN 1;
END
$body$;

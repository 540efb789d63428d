-- Counts are appended first, and added to soniq_rollups later: a plain row costs a fifth of what it takes to
-- find the row of its minute and to rewrite that. Older programs go on with the functions of 0009.

-- What the end of attempts has left to be counted: of one statement, queue, name and outcome. Whoever
-- reads rollups adds these to them.
CREATE TABLE soniq_tallies (
    minute timestamptz NOT NULL,
    worker_id uuid NOT NULL,
    queue text COLLATE "C" NOT NULL,
    job_name text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    wait_seconds double precision NOT NULL,
    run_seconds double precision NOT NULL,
    -- A letter for each attempt: into which bucket it falls.
    waits text COLLATE "C" NOT NULL,
    runs text COLLATE "C" NOT NULL
) WITH (
    -- All rows go within seconds, and there is no index: the dead ones are walked past by each look.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 100000,
    autovacuum_vacuum_cost_delay = 0
);

-- The letter of a bucket of a histogram, `a` for the first. This one and the next are short enough
-- for the planner to put them in place of their calls.
CREATE FUNCTION soniq_letter(seconds double precision) RETURNS text LANGUAGE sql IMMUTABLE
RETURN chr(97 + soniq_bucket(seconds));

-- How many of these letters stand for each bucket.
CREATE FUNCTION soniq_spread(letters text) RETURNS bigint[] LANGUAGE sql IMMUTABLE
RETURN ARRAY[
    octet_length(letters) - octet_length(replace(letters, 'a', '')),
    octet_length(letters) - octet_length(replace(letters, 'b', '')),
    octet_length(letters) - octet_length(replace(letters, 'c', '')),
    octet_length(letters) - octet_length(replace(letters, 'd', '')),
    octet_length(letters) - octet_length(replace(letters, 'e', '')),
    octet_length(letters) - octet_length(replace(letters, 'f', '')),
    octet_length(letters) - octet_length(replace(letters, 'g', '')),
    octet_length(letters) - octet_length(replace(letters, 'h', '')),
    octet_length(letters) - octet_length(replace(letters, 'i', '')),
    octet_length(letters) - octet_length(replace(letters, 'j', '')),
    octet_length(letters) - octet_length(replace(letters, 'k', '')),
    octet_length(letters) - octet_length(replace(letters, 'l', '')),
    octet_length(letters) - octet_length(replace(letters, 'm', ''))
]::bigint[];

-- Append a tally. Called by the statement that ends the attempts, so that it counts what it ends; those
-- that complete jobs, of which there are the most, append it without a call.
CREATE FUNCTION soniq_append_tally(
    ended_at timestamptz, by_worker uuid, as_what text, in_queue text, of_name text,
    number bigint, waited double precision, ran double precision, w text, r text
) RETURNS bigint LANGUAGE sql AS $body$
INSERT INTO soniq_tallies (
    minute, worker_id, queue, job_name, outcome, count, wait_seconds, run_seconds, waits, runs
)
VALUES (
    date_bin('1 minute', ended_at, 'epoch'), by_worker, in_queue, of_name, as_what, number,
    COALESCE(waited, 0), COALESCE(ran, 0), COALESCE(w, ''), COALESCE(r, '')
)
RETURNING count
$body$;

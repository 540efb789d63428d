-- Jobs, dead letters and workers. No schema prefix: the connection's search_path decides.

CREATE TABLE soniq_jobs (
    id uuid NOT NULL PRIMARY KEY,
    job_name text NOT NULL,
    queue text NOT NULL,
    priority smallint NOT NULL,
    -- When the job is due; the moment of its creation unless it was delayed.
    scheduled_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'processing', 'done', 'cancelled')),
    -- json and not jsonb: the exact text has to come back (1e308, the order of keys).
    args json NOT NULL,
    -- Runs that count. Given back by a snooze or a release, so it is no fence.
    attempts integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    -- Rises with every claim and never falls: what a worker must name to write.
    fence integer NOT NULL DEFAULT 0,
    crashes smallint NOT NULL DEFAULT 0,
    unique_key text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    worker_id uuid,
    result json,
    result_error text,
    last_error text,
    last_traceback text
) WITH (
    -- A row is rewritten twice soon after it was written; room on its page keeps all three together.
    fillfactor = 70,
    -- Every job leaves two dead rows behind. The share of dead rows that is right for a large quiet
    -- table would let the claim index fill with dead entries here.
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 1
);

-- jobs/claim, jobs/claim_across, jobs/due_in: their order is the order of this index.
CREATE INDEX soniq_jobs_claim ON soniq_jobs (queue, priority, scheduled_at, id)
    WHERE status = 'queued';

-- jobs/insert: one waiting job for a key, whoever asks at the same moment.
CREATE UNIQUE INDEX soniq_jobs_unique ON soniq_jobs (unique_key)
    WHERE status = 'queued' AND unique_key IS NOT NULL;

-- jobs/orphans, jobs/strays, workers/prune: what a worker holds.
CREATE INDEX soniq_jobs_processing ON soniq_jobs (worker_id) WHERE status = 'processing';

-- jobs/prune: what ended first.
CREATE INDEX soniq_jobs_finished ON soniq_jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE soniq_dead_letter_jobs (
    id uuid NOT NULL PRIMARY KEY,
    job_name text NOT NULL,
    queue text NOT NULL,
    priority smallint NOT NULL,
    args json NOT NULL,
    attempts integer NOT NULL,
    max_attempts integer NOT NULL,
    reason text NOT NULL,
    scheduled_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz NOT NULL,
    worker_id uuid,
    last_error text,
    last_traceback text,
    crashes smallint NOT NULL DEFAULT 0,
    resurrection_count integer NOT NULL DEFAULT 0,
    resurrected_at timestamptz
);

-- dead_letters/find (latest end first) and dead_letters/purge (all that ended before).
CREATE INDEX soniq_dead_letter_jobs_finished ON soniq_dead_letter_jobs (finished_at, id);

CREATE TABLE soniq_workers (
    id uuid NOT NULL PRIMARY KEY,
    hostname text NOT NULL,
    pid integer NOT NULL,
    -- NULL: all queues.
    queues text[],
    concurrency integer NOT NULL,
    tasks text[] NOT NULL,
    started_at timestamptz NOT NULL,
    renewed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (
    -- Every row is rewritten every few seconds: with room on its page no index is touched, and the
    -- few pages are cleaned before they become many.
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 200
);

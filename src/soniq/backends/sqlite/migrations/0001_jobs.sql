-- Times are UTC text of one width ('2026-01-01T09:00:00.000000Z'): they sort as text and can be
-- read by hand. JSON stays text, so that every number and the order of keys survive.

CREATE TABLE soniq_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    job_name TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    scheduled_at TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'processing', 'done', 'cancelled')),
    args TEXT NOT NULL CHECK (json_valid(args)),
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    unique_key TEXT,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    worker_id TEXT,
    result TEXT CHECK (result IS NULL OR json_valid(result)),
    result_error TEXT,
    last_error TEXT,
    last_traceback TEXT
);

-- jobs/claim, jobs/due_at: its order is the order of claims.
CREATE INDEX soniq_jobs_claim ON soniq_jobs (queue, priority, scheduled_at, id)
    WHERE status = 'queued';

-- jobs/insert: one waiting job for each key.
CREATE UNIQUE INDEX soniq_jobs_unique ON soniq_jobs (unique_key)
    WHERE status = 'queued' AND unique_key IS NOT NULL;

-- jobs/orphans, workers/prune: what a worker is running.
CREATE INDEX soniq_jobs_processing ON soniq_jobs (worker_id) WHERE status = 'processing';

-- jobs/prune: what ended, oldest first.
CREATE INDEX soniq_jobs_finished ON soniq_jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE soniq_dead_letter_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    job_name TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    args TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    scheduled_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT NOT NULL,
    worker_id TEXT,
    last_error TEXT,
    last_traceback TEXT,
    crashes INTEGER NOT NULL DEFAULT 0,
    resurrection_count INTEGER NOT NULL DEFAULT 0,
    resurrected_at TEXT
);

-- dead_letters/find, dead_letters/purge: latest end first, or the oldest.
CREATE INDEX soniq_dead_letter_jobs_finished ON soniq_dead_letter_jobs (finished_at, id);

-- queues and tasks are JSON lists; queues is NULL for a worker that serves all of them.
CREATE TABLE soniq_workers (
    id TEXT NOT NULL PRIMARY KEY,
    hostname TEXT NOT NULL,
    pid INTEGER NOT NULL,
    queues TEXT,
    concurrency INTEGER NOT NULL,
    tasks TEXT NOT NULL,
    started_at TEXT NOT NULL,
    renewed_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
);

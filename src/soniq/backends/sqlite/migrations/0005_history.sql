-- What has become of attempts, minute by minute, for each worker.
CREATE TABLE soniq_rollups (
    minute TEXT NOT NULL,
    -- All zero where a job was buried that no worker had.
    worker_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    job_name TEXT NOT NULL,
    outcome TEXT NOT NULL
        CHECK (outcome IN ('complete', 'retry', 'bury', 'crash', 'cancel', 'snooze')),
    count INTEGER NOT NULL,
    -- Sums: from due to claimed, and from claimed to the end.
    wait_seconds REAL NOT NULL,
    run_seconds REAL NOT NULL,
    -- JSON lists: how many of them took how long, by the bounds in soniq/histogram.py.
    waits TEXT NOT NULL,
    runs TEXT NOT NULL,
    -- stats/rollups, stats/prune: minutes from one to another.
    PRIMARY KEY (minute, worker_id, queue, job_name, outcome)
) WITHOUT ROWID;

-- The latest attempts of each job that did not end well; a success leaves no row.
CREATE TABLE soniq_attempts (
    job_id TEXT NOT NULL,
    -- The number of the claim, which no other attempt of the job has.
    fence INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('retry', 'bury', 'crash', 'cancel', 'snooze')),
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    error TEXT,
    traceback TEXT,
    -- jobs/attempts, and whatever deletes a job: all of one job.
    PRIMARY KEY (job_id, fence)
);

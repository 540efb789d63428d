-- Recurring jobs. A row is the pattern of the jobs that it makes, under the name of their task.
CREATE TABLE soniq_schedules (
    name TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    origin TEXT NOT NULL CHECK (origin IN ('code', 'added')),
    cron TEXT,
    -- Seconds.
    every REAL,
    timezone TEXT NOT NULL,
    missed TEXT NOT NULL CHECK (missed IN ('one', 'skip', 'all')),
    args TEXT NOT NULL CHECK (json_valid(args)),
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    unique_key TEXT,
    -- Ticks of an interval are counted from here, so that no restart moves them.
    anchor_at TEXT NOT NULL,
    next_at TEXT NOT NULL,
    last_at TEXT,
    last_job_id TEXT,
    missed_count INTEGER NOT NULL DEFAULT 0,
    missed_at TEXT,
    paused_at TEXT,
    orphaned_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    -- Rises with every change of what or when it fires; who plans with an old one fires nothing.
    revision INTEGER NOT NULL DEFAULT 1,
    CHECK ((cron IS NULL) <> (every IS NULL))
);

-- schedules/agenda: who comes next.
CREATE INDEX soniq_schedules_next ON soniq_schedules (next_at, name) WHERE status = 'active';

-- What makes a tick fire once, whoever fires it; the last hundred of each schedule.
CREATE TABLE soniq_schedule_ticks (
    name TEXT NOT NULL,
    tick_at TEXT NOT NULL,
    -- NULL: a waiting unique job stood for it.
    job_id TEXT,
    fired_at TEXT NOT NULL,
    PRIMARY KEY (name, tick_at)
) WITHOUT ROWID;

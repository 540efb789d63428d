-- Recurring jobs. A row is the pattern of the jobs that it makes, under the name of their task.
CREATE TABLE soniq_schedules (
    name text NOT NULL PRIMARY KEY,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    origin text NOT NULL CHECK (origin IN ('code', 'added')),
    cron text,
    -- Seconds.
    every double precision,
    timezone text NOT NULL,
    missed text NOT NULL CHECK (missed IN ('one', 'skip', 'all')),
    args json NOT NULL,
    queue text NOT NULL,
    priority smallint NOT NULL,
    max_attempts integer NOT NULL,
    unique_key text,
    -- Ticks of an interval are counted from here, so that no restart moves them.
    anchor_at timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    last_at timestamptz,
    last_job_id uuid,
    missed_count bigint NOT NULL DEFAULT 0,
    missed_at timestamptz,
    paused_at timestamptz,
    orphaned_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Rises with every change of what or when it fires; who plans with an old one fires nothing.
    revision integer NOT NULL DEFAULT 1,
    CHECK ((cron IS NULL) <> (every IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200);

-- schedules/agenda: who comes next.
CREATE INDEX soniq_schedules_next ON soniq_schedules (next_at, name) WHERE status = 'active';

-- What makes a tick fire once, whoever fires it; the last hundred of each schedule.
CREATE TABLE soniq_schedule_ticks (
    name text NOT NULL REFERENCES soniq_schedules (name) ON DELETE CASCADE,
    tick_at timestamptz NOT NULL,
    -- NULL: a waiting unique job stood for it.
    job_id uuid,
    fired_at timestamptz NOT NULL,
    PRIMARY KEY (name, tick_at)
);

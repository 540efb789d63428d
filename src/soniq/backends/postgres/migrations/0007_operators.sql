-- Queues that no worker claims from. A row for each pause: without one a queue is not paused.
CREATE TABLE soniq_paused_queues (
    queue text NOT NULL PRIMARY KEY,
    paused_at timestamptz NOT NULL,
    paused_by text NOT NULL,
    reason text NOT NULL
);

-- What a worker says of itself with each renewal, and what an operator asks of it.
ALTER TABLE soniq_workers
    ADD COLUMN version text NOT NULL DEFAULT '',
    ADD COLUMN wish text CHECK (wish IN ('quiet', 'stop')),
    ADD COLUMN running integer NOT NULL DEFAULT 0,
    ADD COLUMN memory_bytes bigint,
    ADD COLUMN loop_lag double precision;

-- What people did.
CREATE TABLE soniq_audit (
    -- Ids in the order of time: audit/find.
    id uuid NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail json NOT NULL
);

-- audit/prune: what is oldest.
CREATE INDEX soniq_audit_at ON soniq_audit (at);

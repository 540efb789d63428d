-- Queues that no worker claims from. A row for each pause: without one a queue is not paused.
CREATE TABLE soniq_paused_queues (
    queue TEXT NOT NULL PRIMARY KEY,
    paused_at TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- What a worker says of itself with each renewal, and what an operator asks of it.
ALTER TABLE soniq_workers ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE soniq_workers ADD COLUMN wish TEXT CHECK (wish IN ('quiet', 'stop'));
ALTER TABLE soniq_workers ADD COLUMN running INTEGER NOT NULL DEFAULT 0;
ALTER TABLE soniq_workers ADD COLUMN memory_bytes INTEGER;
ALTER TABLE soniq_workers ADD COLUMN loop_lag REAL;

-- What people did. Ids in the order of time: audit/find.
CREATE TABLE soniq_audit (
    id TEXT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
);

-- audit/prune: what is oldest.
CREATE INDEX soniq_audit_at ON soniq_audit (at);

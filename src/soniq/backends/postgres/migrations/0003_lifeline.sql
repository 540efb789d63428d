-- The advisory lock that the worker's heartbeat holds; NULL where it can't hold one.
ALTER TABLE soniq_workers ADD COLUMN lock_key bigint;

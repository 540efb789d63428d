-- Shared: the next connection of the same heartbeat never waits for a dead one to be noticed.
-- The process id tells whether a pooler stands between: then the lock would not be this worker's.
SELECT pg_try_advisory_lock_shared($1) AS locked, pg_backend_pid() AS pid

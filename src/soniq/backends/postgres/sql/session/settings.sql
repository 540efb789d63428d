-- Several statements, sent as one message at the start of a transaction. Where sessions are shared, it
-- sets for itself what `SESSION` in session.py sets for a connection; isolation comes with BEGIN.
SET TRANSACTION READ WRITE;
SET LOCAL statement_timeout = '15s';
SET LOCAL lock_timeout = '10s';
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL synchronous_commit = 'on';
SET LOCAL jit = 'off';
SET LOCAL enable_seqscan = 'off';
SET LOCAL enable_bitmapscan = 'off';
SET LOCAL enable_hashjoin = 'off';
SET LOCAL enable_mergejoin = 'off';
SET LOCAL plan_cache_mode = 'force_generic_plan';

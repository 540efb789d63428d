-- At the start of each step: a migration takes its time, whatever the role's defaults are.
SET TRANSACTION READ WRITE;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL lock_timeout = '60s';
SET LOCAL synchronous_commit = 'on';

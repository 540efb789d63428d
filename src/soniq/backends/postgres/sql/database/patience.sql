-- Whoever looks waits for nobody, and keeps nobody waiting.
SET LOCAL statement_timeout = '5s';
SET LOCAL lock_timeout = '500ms';

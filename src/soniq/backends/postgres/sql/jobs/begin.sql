-- What is committed here is durable, whatever the database's default is. The number of the
-- transaction tells at its end whether it is still the same.
SELECT set_config('synchronous_commit', 'on', true), pg_current_xact_id()::text AS number

-- The indexes of Soniq's tables.
SELECT made.relname::text AS name, index.indisvalid AND index.indisready AS valid
FROM pg_class AS jobs
JOIN pg_class AS one ON one.relnamespace = jobs.relnamespace
JOIN pg_index AS index ON index.indrelid = one.oid
JOIN pg_class AS made ON made.oid = index.indexrelid
WHERE jobs.oid = to_regclass('soniq_jobs') AND one.relname LIKE 'soniq\_%'
ORDER BY made.relname

-- PostgreSQL 15 or later: by which version of the rules of sorting indexes were made, and which is used.
SELECT
    datcollversion AS collation_version,
    pg_database_collation_actual_version(oid) AS collation_actual_version
FROM pg_database
WHERE datname = current_database()

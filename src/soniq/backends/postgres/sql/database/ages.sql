-- How many transactions the oldest rows of this database are behind.
SELECT age(datfrozenxid)::bigint AS xid_age, mxid_age(datminmxid)::bigint AS multixact_age
FROM pg_database
WHERE datname = current_database()

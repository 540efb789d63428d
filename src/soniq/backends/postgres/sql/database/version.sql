SELECT max(version) AS schema_version FROM soniq_migrations

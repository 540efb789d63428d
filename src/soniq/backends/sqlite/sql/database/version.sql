SELECT max(version) FROM soniq_migrations

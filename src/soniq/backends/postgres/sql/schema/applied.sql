SELECT version, applied_at FROM soniq_migrations

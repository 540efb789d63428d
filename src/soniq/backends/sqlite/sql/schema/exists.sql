SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'soniq_migrations'

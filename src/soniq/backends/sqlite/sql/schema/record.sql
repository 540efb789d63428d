INSERT INTO soniq_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)

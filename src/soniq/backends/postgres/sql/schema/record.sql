INSERT INTO soniq_migrations (version, name, checksum) VALUES ($1, $2, $3) RETURNING applied_at

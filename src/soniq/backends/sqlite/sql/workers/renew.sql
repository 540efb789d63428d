UPDATE soniq_workers SET renewed_at = :now, expires_at = :expires_at WHERE id = :id
RETURNING (SELECT COUNT(*) FROM soniq_workers AS other WHERE other.id <> :id)

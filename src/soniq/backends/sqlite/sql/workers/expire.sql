UPDATE soniq_workers SET expires_at = :now
WHERE id = :id AND renewed_at = :since AND expires_at > :now

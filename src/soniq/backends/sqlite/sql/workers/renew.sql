-- Without vitals (:running is NULL) those that are known stay.
UPDATE soniq_workers
SET renewed_at = :now, expires_at = :expires_at,
    running = COALESCE(:running, running),
    memory_bytes = CASE WHEN :running IS NULL THEN memory_bytes ELSE :memory_bytes END,
    loop_lag = CASE WHEN :running IS NULL THEN loop_lag ELSE :loop_lag END
WHERE id = :id
RETURNING (SELECT COUNT(*) FROM soniq_workers AS other WHERE other.id <> :id), wish

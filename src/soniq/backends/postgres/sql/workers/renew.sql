UPDATE soniq_workers
SET renewed_at = COALESCE($1::timestamptz, now()),
    expires_at = COALESCE($1::timestamptz, now()) + $3 * interval '1 second'
WHERE id = $2
RETURNING (SELECT count(*) FROM soniq_workers AS other WHERE other.id <> $2) AS others

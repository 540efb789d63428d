-- Without vitals ($4 is NULL) those that are known stay.
UPDATE soniq_workers AS worker
SET renewed_at = COALESCE($1::timestamptz, now()),
    expires_at = COALESCE($1::timestamptz, now()) + $3 * interval '1 second',
    running = COALESCE($4::integer, worker.running),
    memory_bytes = CASE WHEN $4::integer IS NULL THEN worker.memory_bytes ELSE $5::bigint END,
    loop_lag = CASE WHEN $4::integer IS NULL THEN worker.loop_lag ELSE $6::float8 END
WHERE worker.id = $2
RETURNING (SELECT count(*) FROM soniq_workers AS other WHERE other.id <> $2) AS others, worker.wish

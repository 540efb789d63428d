-- `status || ''`: a probe of the primary key, not a walk along the claim index.
UPDATE soniq_jobs
SET scheduled_at = COALESCE($1::timestamptz, now())
WHERE id = $2
    AND status || '' = 'queued'
    AND scheduled_at > COALESCE($1::timestamptz, now())
RETURNING id

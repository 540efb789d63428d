-- What waits ends here; what runs is only marked: its worker ends it. `status || ''`: a probe of the
-- primary key, not a walk along the claim index.
UPDATE soniq_jobs
SET status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,
    finished_at = CASE status WHEN 'queued' THEN COALESCE($1::timestamptz, now()) END,
    cancel_requested = status = 'processing'
WHERE id = $2 AND status || '' IN ('queued', 'processing')
RETURNING id

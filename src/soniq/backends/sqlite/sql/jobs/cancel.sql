-- What waits ends here; what runs is only marked: its worker ends it.
UPDATE soniq_jobs
SET status = CASE status WHEN 'queued' THEN 'cancelled' ELSE status END,
    finished_at = CASE status WHEN 'queued' THEN :now END,
    cancel_requested = status = 'processing'
WHERE id = :id AND status IN ('queued', 'processing')

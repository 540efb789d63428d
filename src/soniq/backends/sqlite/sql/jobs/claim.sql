-- Second of two: jobs/claimable has read these rows in the same transaction.
UPDATE soniq_jobs
SET status = 'processing', attempts = attempts + 1, fence = fence + 1,
    worker_id = :worker, started_at = :now
WHERE rowid IN (SELECT value FROM json_each(:rows))

-- The next priority after one that has queued jobs in the queue: one step of the same walk.
SELECT min(priority) FROM soniq_jobs INDEXED BY soniq_jobs_claim
WHERE status = 'queued' AND queue = :queue AND priority > :after

-- The next queue after one that has queued jobs: one step of a loose walk along the claim index.
SELECT min(queue) FROM soniq_jobs INDEXED BY soniq_jobs_claim
WHERE status = 'queued' AND queue > :after

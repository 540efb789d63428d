-- When the first of the jobs that have ended, and are still kept, did so.
SELECT min(finished_at) AS since
FROM soniq_jobs
WHERE finished_at IS NOT NULL

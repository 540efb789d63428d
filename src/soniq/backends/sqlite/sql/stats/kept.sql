-- When the first of the jobs that have ended, and are still kept, did so.
SELECT min(finished_at) FROM soniq_jobs INDEXED BY soniq_jobs_finished WHERE finished_at IS NOT NULL

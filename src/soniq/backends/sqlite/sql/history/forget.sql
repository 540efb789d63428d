-- What is left of jobs (a JSON list of ids) that have no row any more, or one that was not claimed
-- again, and no dead letter.
DELETE FROM soniq_attempts
WHERE job_id IN (SELECT value FROM json_each(:ids))
    AND NOT EXISTS (SELECT 1 FROM soniq_jobs WHERE soniq_jobs.id = job_id AND fence > 1)
    AND NOT EXISTS (SELECT 1 FROM soniq_dead_letter_jobs AS letter WHERE letter.id = job_id)

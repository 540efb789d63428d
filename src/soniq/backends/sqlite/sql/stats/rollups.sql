SELECT minute, queue, job_name, outcome, count, wait_seconds, run_seconds, waits, runs
FROM soniq_rollups
WHERE minute >= :since AND minute < :until
    AND (:queue IS NULL OR queue = :queue)
    AND (:job_name IS NULL OR job_name = :job_name)

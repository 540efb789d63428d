SELECT id, job_name, queue, priority, args, attempts, max_attempts, reason, scheduled_at, created_at,
    started_at, finished_at, worker_id, last_error, last_traceback, crashes, resurrection_count,
    resurrected_at, headers
FROM soniq_dead_letter_jobs
WHERE (:queue IS NULL OR queue = :queue)
    AND (:name IS NULL OR job_name = :name)
    AND (:reason IS NULL OR reason = :reason)
    AND (:replayed IS NULL OR (resurrection_count > 0) = :replayed)
ORDER BY finished_at DESC, id DESC
LIMIT :limit OFFSET :offset

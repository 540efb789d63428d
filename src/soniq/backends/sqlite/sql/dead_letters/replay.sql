INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at, headers
)
SELECT :new_id, job_name, queue, priority, :now, args, max_attempts, :now, headers
FROM soniq_dead_letter_jobs
WHERE id = :id AND (NOT :once OR resurrection_count = 0)

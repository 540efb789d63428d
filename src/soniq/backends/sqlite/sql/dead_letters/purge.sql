DELETE FROM soniq_dead_letter_jobs
WHERE finished_at <= :before
    AND (:queue IS NULL OR queue = :queue)
    AND (:name IS NULL OR job_name = :name)
RETURNING id

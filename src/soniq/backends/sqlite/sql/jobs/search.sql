-- Walks along the primary key, newest first; every row looked at is told, with whether it matches.
-- The conditions are those of dead_letters/search. The last one is a function of ours: CASE keeps it
-- from rows for which another one has decided.
SELECT
    id,
    CASE
        WHEN (:queue IS NULL OR queue = :queue)
            AND (:name IS NULL OR job_name = :name)
            AND (:prefix IS NULL OR substr(job_name, 1, length(:prefix)) = :prefix)
            AND (:worker IS NULL OR substr(worker_id, 1, length(:worker)) = :worker)
            AND (:error IS NULL OR instr(lower(last_error), lower(:error)) > 0)
            AND (:attempts_from IS NULL OR attempts >= :attempts_from)
            AND (:attempts_to IS NULL OR attempts <= :attempts_to)
            AND (:before IS NULL OR created_at < :before)
            AND (:since IS NULL OR created_at > :since)
            AND (
                :text IS NULL
                OR instr(lower(job_name), lower(:text)) > 0
                OR substr(id, 1, length(:text)) = lower(:text)
            )
            AND (:status IS NULL OR status = :status)
        THEN CASE WHEN :args IS NULL THEN 1 ELSE soniq_holds(args, :args) END
        ELSE 0
    END AS matched
FROM soniq_jobs
WHERE id < coalesce(:after, 'g')
ORDER BY id DESC
LIMIT :most

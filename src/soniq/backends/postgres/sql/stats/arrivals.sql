-- How many jobs were made after $1, by queue, of the newest $3 by their ids, wherever they are by now.
-- An id begins with the time at which it was made; $2 is the first one that is looked at.
SELECT newest.queue, count(*) AS number, min(newest.created_at) AS first_at
FROM (
    SELECT made.queue, made.created_at
    FROM (
        SELECT job.id, job.queue, job.created_at
        FROM soniq_jobs AS job
        UNION ALL
        SELECT dead.id, dead.queue, dead.created_at
        FROM soniq_dead_letter_jobs AS dead
    ) AS made
    WHERE made.id >= $2
    ORDER BY made.id DESC
    LIMIT $3
) AS newest
WHERE newest.created_at > $1
GROUP BY newest.queue

-- How many jobs were made after $1, by queue, of the newest $3 by their ids, wherever they are by now.
-- An id begins with the time at which it was made; $2 is the first one that is looked at.
SELECT newest.queue, count(*) AS number, min(newest.created_at) AS first_at
FROM (
    SELECT made.queue, made.created_at
    FROM (
        -- Each walk has a limit of its own, so that it is one along the index whatever is planned.
        (
            SELECT job.id, job.queue, job.created_at
            FROM soniq_jobs AS job
            WHERE job.id >= $2
            ORDER BY job.id DESC
            LIMIT $3
        )
        UNION ALL
        (
            SELECT dead.id, dead.queue, dead.created_at
            FROM soniq_dead_letter_jobs AS dead
            WHERE dead.id >= $2
            ORDER BY dead.id DESC
            LIMIT $3
        )
    ) AS made
    ORDER BY made.id DESC
    LIMIT $3
) AS newest
WHERE newest.created_at > $1
GROUP BY newest.queue

-- How many jobs were made after :since, by queue, of the newest :bound by their ids, wherever they are
-- by now. An id begins with the time at which it was made; :first is the first one that is looked at.
SELECT queue, count(*), min(created_at)
FROM (
    SELECT id, queue, created_at FROM soniq_jobs WHERE id >= :first
    UNION ALL
    SELECT id, queue, created_at FROM soniq_dead_letter_jobs WHERE id >= :first
    ORDER BY id DESC
    LIMIT :bound
)
WHERE created_at > :since
GROUP BY queue

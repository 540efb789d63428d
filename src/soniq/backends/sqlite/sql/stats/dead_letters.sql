-- The latest :most dead letters by their queues.
SELECT queue, count(*)
FROM (SELECT queue FROM soniq_dead_letter_jobs ORDER BY finished_at DESC, id DESC LIMIT :most)
GROUP BY queue

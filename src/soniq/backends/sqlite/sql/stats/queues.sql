SELECT queue, status, count(*) FROM soniq_jobs GROUP BY queue, status
UNION ALL
SELECT queue, 'dead_letter', count(*) FROM soniq_dead_letter_jobs GROUP BY queue

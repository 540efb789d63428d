-- The tasks of due jobs, among the first $2 of each queue, that no living worker knows.
WITH RECURSIVE existing AS (
    (
        SELECT job.queue
        FROM soniq_jobs AS job
        WHERE job.status = 'queued'
        ORDER BY job.queue
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT job.queue
        FROM soniq_jobs AS job
        WHERE job.status = 'queued' AND job.queue > existing.queue
        ORDER BY job.queue
        LIMIT 1
    )
    FROM existing
    WHERE existing.queue IS NOT NULL
)
SELECT first.job_name, min(first.scheduled_at) AS due_at
FROM existing
CROSS JOIN LATERAL (
    SELECT job.job_name, job.scheduled_at
    FROM soniq_jobs AS job
    WHERE job.status = 'queued' AND job.queue = existing.queue
    ORDER BY job.priority, job.scheduled_at, job.id
    LIMIT $2
) AS first
WHERE first.scheduled_at <= COALESCE($1::timestamptz, now())
    AND NOT EXISTS (SELECT FROM soniq_paused_queues AS paused WHERE paused.queue = existing.queue)
    AND NOT EXISTS (
        SELECT FROM soniq_workers AS worker
        WHERE worker.expires_at > COALESCE($1::timestamptz, now())
            AND first.job_name = ANY (worker.tasks)
    )
GROUP BY first.job_name

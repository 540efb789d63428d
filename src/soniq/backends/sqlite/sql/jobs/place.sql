-- Where a job waits: its place in the order of claims. +status: by the primary key.
SELECT queue, priority, scheduled_at FROM soniq_jobs WHERE id = :id AND +status = 'queued'

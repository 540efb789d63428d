SELECT DISTINCT task.value FROM soniq_workers, json_each(soniq_workers.tasks) AS task
WHERE soniq_workers.expires_at > :now

-- A row that was there keeps its time.
INSERT INTO soniq_paused_queues (queue, paused_at, paused_by, reason)
VALUES (:queue, :now, :by, :reason)
ON CONFLICT (queue) DO UPDATE SET paused_by = excluded.paused_by, reason = excluded.reason

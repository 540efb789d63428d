-- A row that was there keeps its time. One that has just been inserted has no xmax.
INSERT INTO soniq_paused_queues AS pause (queue, paused_at, paused_by, reason)
VALUES ($2, COALESCE($1::timestamptz, now()), $3, $4)
ON CONFLICT (queue) DO UPDATE SET
    paused_by = excluded.paused_by,
    reason = excluded.reason
RETURNING pause.xmax = 0 AS fresh

DELETE FROM soniq_paused_queues WHERE queue = $1 RETURNING queue

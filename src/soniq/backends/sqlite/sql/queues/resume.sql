DELETE FROM soniq_paused_queues WHERE queue = :queue

SELECT 1 FROM soniq_paused_queues WHERE queue = :queue

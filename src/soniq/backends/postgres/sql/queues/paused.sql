SELECT queue, paused_at, paused_by, reason FROM soniq_paused_queues

SELECT pg_notify('soniq_jobs', woken.queue) FROM unnest($1::text[]) AS woken (queue)

-- As jobs/insert_alike, on the connection of a caller: it may have its own codecs for uuid and json, and
-- an error would end its transaction.
INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at
)
SELECT
    new.id::uuid,
    $2,
    $3,
    $4,
    GREATEST(clock.time, COALESCE($5, clock.time + $6::float8 * interval '1 second')),
    new.args::json,
    $7,
    clock.time
FROM (SELECT COALESCE($1::timestamptz, now()) AS time) AS clock
CROSS JOIN unnest($8::text[], $9::text[]) AS new (id, args)
ON CONFLICT DO NOTHING

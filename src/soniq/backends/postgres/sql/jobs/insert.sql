-- Text arrays with casts, because a caller's connection may have its own codecs for uuid and json.
INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, unique_key, created_at, headers
)
SELECT
    new.id::uuid,
    new.job_name,
    new.queue,
    new.priority,
    GREATEST(
        clock.time,
        COALESCE(new.scheduled_at, clock.time + new.delay * interval '1 second')
    ),
    new.args::json,
    new.max_attempts,
    new.unique_key,
    clock.time,
    new.headers::json
FROM (SELECT COALESCE($1::timestamptz, now()) AS time) AS clock
CROSS JOIN unnest(
    $2::text[], $3::text[], $4::text[], $5::smallint[], $6::timestamptz[], $7::float8[],
    $8::text[], $9::integer[], $10::text[], $11::text[]
) AS new (
    id, job_name, queue, priority, scheduled_at, delay, args, max_attempts, unique_key, headers
)
ON CONFLICT DO NOTHING
RETURNING id::text

-- Many jobs that differ in id and arguments only, in a session of ours. No ON CONFLICT and nothing
-- returned: either costs as much as another index.
INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at, headers
)
SELECT
    new.id,
    $2,
    $3,
    $4,
    GREATEST(clock.time, COALESCE($5, clock.time + $6::float8 * interval '1 second')),
    new.args,
    $7,
    clock.time,
    $10::json
FROM (SELECT COALESCE($1::timestamptz, now()) AS time) AS clock
CROSS JOIN unnest($8::uuid[], $9::json[]) AS new (id, args)

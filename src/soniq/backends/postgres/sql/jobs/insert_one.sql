-- One job without a key, the usual case; planned and run in less time than arrays of one. Text with
-- casts, because a caller's connection may have its own codecs for uuid and json. An id that is there
-- already is an error: ON CONFLICT would have every job looked for before it is written, and confirmed.
INSERT INTO soniq_jobs (
    id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at, headers
)
VALUES (
    $2::text::uuid,
    $3,
    $4,
    $5,
    GREATEST(
        COALESCE($1, now()),
        COALESCE($6, COALESCE($1, now()) + $7::float8 * interval '1 second')
    ),
    $8::text::json,
    $9,
    COALESCE($1, now()),
    $10::text::json
)

-- As before, but an id that is there already is an error, as in jobs/insert_one.
CREATE OR REPLACE PROCEDURE soniq_insert_then_wake(
    timestamptz, uuid, text, text, integer, timestamptz, double precision, json, integer, json
)
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO soniq_jobs (
        id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at, headers
    )
    VALUES (
        $2,
        $3,
        $4,
        $5,
        GREATEST(
            COALESCE($1, now()),
            COALESCE($6, COALESCE($1, now()) + $7 * interval '1 second')
        ),
        $8,
        $9,
        COALESCE($1, now()),
        $10
    );
    COMMIT;
    PERFORM pg_notify('soniq_jobs', $4);
END
$$;

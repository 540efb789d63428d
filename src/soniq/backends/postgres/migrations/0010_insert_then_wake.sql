-- A job and the call to those who wait for it, in one trip and two transactions: a NOTIFY holds a lock
-- of the whole server until its transaction has ended, so it does not come along with a row, whose
-- end waits for the disk. Row and parameters are those of jobs/insert_one.
CREATE PROCEDURE soniq_insert_then_wake(
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
    )
    ON CONFLICT DO NOTHING;
    COMMIT;
    PERFORM pg_notify('soniq_jobs', $4);
END
$$;

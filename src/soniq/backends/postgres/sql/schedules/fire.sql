-- One statement, so that a scheduler which is stopped in the middle holds no lock: the server
-- finishes it alone. Whoever comes second finds the row locked, or moved on.
WITH clock AS (
    SELECT COALESCE($1::timestamptz, now()) AS time
),
taken AS (
    SELECT
        schedule.name, schedule.queue, schedule.priority, schedule.args, schedule.max_attempts,
        schedule.unique_key, move.next_at, move.missed
    FROM unnest($2::text[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::integer[])
        AS move (name, revision, due, next_at, missed)
    JOIN soniq_schedules AS schedule
        ON schedule.name = move.name
        AND schedule.revision = move.revision
        AND schedule.next_at = move.due
        AND schedule.status = 'active'
    WHERE schedule.next_at <= (SELECT clock.time FROM clock)
    ORDER BY schedule.name
    FOR UPDATE OF schedule SKIP LOCKED
),
fresh AS (
    SELECT taken.*, tick.tick_at, tick.job_id
    FROM unnest($7::text[], $8::timestamptz[], $9::uuid[]) AS tick (name, tick_at, job_id)
    JOIN taken ON taken.name = tick.name
    WHERE NOT EXISTS (
        SELECT FROM soniq_schedule_ticks AS before
        WHERE before.name = tick.name AND before.tick_at = tick.tick_at
    )
),
made AS (
    INSERT INTO soniq_jobs (
        id, job_name, queue, priority, scheduled_at, args, max_attempts, unique_key, created_at
    )
    SELECT
        fresh.job_id, fresh.name, fresh.queue, fresh.priority, fresh.tick_at, fresh.args,
        fresh.max_attempts, fresh.unique_key, clock.time
    FROM fresh
    CROSS JOIN clock
    -- Everybody takes the locks of keys in the same order, so that nobody waits in a circle.
    ORDER BY fresh.unique_key, fresh.tick_at
    ON CONFLICT DO NOTHING
    RETURNING id
),
noted AS (
    INSERT INTO soniq_schedule_ticks (name, tick_at, job_id, fired_at)
    SELECT
        fresh.name, fresh.tick_at,
        CASE WHEN fresh.job_id IN (SELECT made.id FROM made) THEN fresh.job_id END,
        clock.time
    FROM fresh
    CROSS JOIN clock
    RETURNING name, tick_at, job_id
),
forgotten AS (
    -- Nobody looks further back, and a schedule may fire every second for years.
    DELETE FROM soniq_schedule_ticks AS old
    USING taken
    WHERE old.name = taken.name
        AND old.tick_at <= (
            SELECT kept.tick_at
            FROM soniq_schedule_ticks AS kept
            WHERE kept.name = taken.name
            ORDER BY kept.tick_at DESC
            OFFSET $10
            LIMIT 1
        )
),
latest AS (
    SELECT DISTINCT ON (noted.name) noted.name, noted.tick_at, noted.job_id
    FROM noted
    ORDER BY noted.name, noted.tick_at DESC
),
moved AS (
    UPDATE soniq_schedules AS schedule
    SET next_at = taken.next_at,
        last_at = COALESCE(latest.tick_at, schedule.last_at),
        last_job_id = CASE
            WHEN latest.tick_at IS NULL THEN schedule.last_job_id ELSE latest.job_id
        END,
        missed_count = schedule.missed_count + taken.missed,
        missed_at = CASE
            WHEN taken.missed > 0 THEN (SELECT clock.time FROM clock) ELSE schedule.missed_at
        END,
        orphaned_at = NULL
    FROM taken
    LEFT JOIN latest ON latest.name = taken.name
    WHERE schedule.name = taken.name
)
SELECT noted.name, taken.queue, noted.tick_at, noted.job_id
FROM noted
JOIN taken ON taken.name = noted.name
ORDER BY noted.tick_at, noted.name

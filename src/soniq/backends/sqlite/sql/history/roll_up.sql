INSERT INTO soniq_rollups (
    minute, worker_id, queue, job_name, outcome, count, wait_seconds, run_seconds, waits, runs
)
VALUES (
    :minute, :worker_id, :queue, :job_name, :outcome, :count, :wait_seconds, :run_seconds, :waits, :runs
)
ON CONFLICT (minute, worker_id, queue, job_name, outcome) DO UPDATE SET
    count = soniq_rollups.count + excluded.count,
    wait_seconds = soniq_rollups.wait_seconds + excluded.wait_seconds,
    run_seconds = soniq_rollups.run_seconds + excluded.run_seconds,
    waits = (
        SELECT json_group_array(number) FROM (
            SELECT known.value + more.value AS number
            FROM json_each(soniq_rollups.waits) AS known
            JOIN json_each(excluded.waits) AS more ON more.key = known.key
            ORDER BY known.key
        )
    ),
    runs = (
        SELECT json_group_array(number) FROM (
            SELECT known.value + more.value AS number
            FROM json_each(soniq_rollups.runs) AS known
            JOIN json_each(excluded.runs) AS more ON more.key = known.key
            ORDER BY known.key
        )
    )

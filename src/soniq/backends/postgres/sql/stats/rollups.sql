-- By steps of $5 seconds from the epoch on, and by names only where they matter ($6): what is added up
-- here is not sent. What has been appended and not added yet belongs to it.
SELECT
    date_bin($5::float8 * interval '1 second', minute, 'epoch') AS minute,
    queue,
    CASE WHEN $6 THEN job_name ELSE '' END AS job_name,
    outcome,
    sum(count)::bigint AS count, sum(wait_seconds) AS wait_seconds,
    sum(run_seconds) AS run_seconds,
    ARRAY[
        sum(waits[1]), sum(waits[2]), sum(waits[3]), sum(waits[4]), sum(waits[5]),
        sum(waits[6]), sum(waits[7]), sum(waits[8]), sum(waits[9]), sum(waits[10]),
        sum(waits[11]), sum(waits[12]), sum(waits[13])
    ]::bigint[] AS waits,
    ARRAY[
        sum(runs[1]), sum(runs[2]), sum(runs[3]), sum(runs[4]), sum(runs[5]),
        sum(runs[6]), sum(runs[7]), sum(runs[8]), sum(runs[9]), sum(runs[10]),
        sum(runs[11]), sum(runs[12]), sum(runs[13])
    ]::bigint[] AS runs
FROM (
    SELECT minute, queue, job_name, outcome, count, wait_seconds, run_seconds, waits, runs
    FROM soniq_rollups
    UNION ALL
    SELECT
        minute, queue, job_name, outcome, sum(count)::bigint, sum(wait_seconds), sum(run_seconds),
        soniq_spread(string_agg(waits, '')), soniq_spread(string_agg(runs, ''))
    FROM soniq_tallies
    GROUP BY minute, queue, job_name, outcome
) AS counted
WHERE minute >= date_bin('1 minute', $1::timestamptz, 'epoch')
    AND minute < $2
    AND ($3::text IS NULL OR queue = $3)
    AND ($4::text IS NULL OR job_name = $4)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

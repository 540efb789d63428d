-- Walks along the primary key, newest first, until enough rows match or $3 have been looked at; the
-- last one looked at is told in any case. The conditions are those of dead_letters/search, in the same
-- order. In the collation "C" only A to Z have case.
WITH looked AS (
    SELECT
        newest.*,
        row_number() OVER walk AS place,
        lead(id) OVER walk IS NULL AS is_end
    FROM (
        SELECT
            id, job_name, queue, priority, status, args, attempts, max_attempts, scheduled_at,
            created_at, started_at, finished_at, worker_id, result, result_error, last_error,
            last_traceback, unique_key, crashes, headers
        FROM soniq_jobs
        WHERE id < COALESCE($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        ORDER BY id DESC
        -- One more than are looked at, to see whether there is one.
        LIMIT $3 + 1
    ) AS newest
    WINDOW walk AS (ORDER BY id DESC)
),
judged AS (
    SELECT
        looked.*,
        ($5::text IS NULL OR queue = $5)
            AND ($6::text IS NULL OR job_name = $6)
            AND ($7::text IS NULL OR starts_with(job_name, $7))
            AND ($8::text IS NULL OR starts_with(worker_id::text, $8))
            AND ($9::text IS NULL OR position(lower($9 COLLATE "C") IN lower(last_error COLLATE "C")) > 0)
            AND ($11::bigint IS NULL OR attempts >= $11)
            AND ($12::bigint IS NULL OR attempts <= $12)
            AND (
                $13::double precision IS NULL
                OR created_at < COALESCE($1::timestamptz, now()) - $13 * interval '1 second'
            )
            AND (
                $14::double precision IS NULL
                OR created_at > COALESCE($1::timestamptz, now()) - $14 * interval '1 second'
            )
            AND (
                $15::text IS NULL
                OR position(lower($15 COLLATE "C") IN lower(job_name COLLATE "C")) > 0
                OR starts_with(id::text, lower($15 COLLATE "C"))
            )
            AND ($16::text IS NULL OR status = $16)
            AND (
                $10::json IS NULL
                OR NOT EXISTS (
                    SELECT
                    FROM json_to_recordset($10) AS wanted (path text[], value text)
                    WHERE CASE
                        -- Only SQL by hand writes \u0000 or half a character. PostgreSQL can't
                        -- read such JSON, and one row of it must not end a search.
                        WHEN position('\u' IN looked.args::text) = 0
                            OR looked.args::text !~* '(?x)
                                (?<!\\)(\\\\)*\\u(0000|d[89ab]..(?!\\ud[c-f]))
                                |(?<!\\ud[89ab]..)(?<!\\)(\\\\)*\\ud[c-f]'
                        -- The JSON value null has no text of its own.
                        THEN COALESCE(
                            looked.args #>> wanted.path, (looked.args #> wanted.path)::text
                        )
                    END IS DISTINCT FROM wanted.value
                )
            ) AS matched
    FROM looked
    WHERE place <= $3
)
SELECT
    id, job_name, queue, priority, status, args, attempts, max_attempts, scheduled_at, created_at,
    started_at, finished_at, worker_id, result, result_error, last_error, last_traceback, unique_key,
    crashes, headers, place, is_end, COALESCE(matched, false) AS matched
FROM judged
WHERE matched OR is_end OR place = $3
ORDER BY id DESC
LIMIT $4

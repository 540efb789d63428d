WITH gone AS (
    DELETE FROM soniq_rollups
    WHERE minute < COALESCE($1::timestamptz, now()) - ($2 + 60) * interval '1 second'
    RETURNING minute
),
never_added AS (
    DELETE FROM soniq_tallies
    WHERE minute < COALESCE($1::timestamptz, now()) - ($2 + 60) * interval '1 second'
    RETURNING minute
)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM never_added) AS pruned

WITH gone AS (
    DELETE FROM soniq_rollups
    WHERE minute < COALESCE($1::timestamptz, now()) - ($2 + 60) * interval '1 second'
    RETURNING minute
)
SELECT count(*) AS pruned FROM gone

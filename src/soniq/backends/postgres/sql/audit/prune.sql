WITH gone AS (
    DELETE FROM soniq_audit
    WHERE at <= COALESCE($1::timestamptz, now()) - $2 * interval '1 second'
    RETURNING id
)
SELECT count(*) AS pruned FROM gone

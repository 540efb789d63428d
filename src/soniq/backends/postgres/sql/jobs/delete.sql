-- `existed` is what stood there when the statement began.
WITH gone AS (
    DELETE FROM soniq_jobs WHERE id = $1 AND status <> 'processing' RETURNING id
)
SELECT
    EXISTS (SELECT FROM gone) AS deleted,
    EXISTS (SELECT FROM soniq_jobs WHERE id = $1) AS existed

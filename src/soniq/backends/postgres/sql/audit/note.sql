-- May run twice: an id is written once.
INSERT INTO soniq_audit (id, at, actor, action, target, detail)
VALUES ($2, COALESCE($1::timestamptz, now()), $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING

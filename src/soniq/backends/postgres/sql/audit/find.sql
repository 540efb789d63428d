SELECT id, at, actor, action, target, detail
FROM soniq_audit
WHERE id < COALESCE($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ORDER BY id DESC
LIMIT $2

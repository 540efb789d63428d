SELECT id, at, actor, action, target, detail
FROM soniq_audit
WHERE id < coalesce(:before, 'g')
ORDER BY id DESC
LIMIT :limit

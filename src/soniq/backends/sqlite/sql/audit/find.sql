SELECT id, at, actor, action, target, detail
FROM soniq_audit
WHERE (:before IS NULL OR id < :before)
ORDER BY id DESC
LIMIT :limit

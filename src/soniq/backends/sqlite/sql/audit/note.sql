INSERT INTO soniq_audit (id, at, actor, action, target, detail)
VALUES (:id, :at, :actor, :action, :target, :detail)
ON CONFLICT (id) DO NOTHING

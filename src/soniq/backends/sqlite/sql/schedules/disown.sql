UPDATE soniq_schedules
SET orphaned_at = :now
WHERE origin = 'code'
    AND orphaned_at IS NULL
    AND name NOT IN (SELECT value FROM json_each(:known))
RETURNING name

UPDATE soniq_schedules
SET next_at = :next_at,
    missed_count = missed_count + :missed,
    missed_at = CASE WHEN :missed > 0 THEN :now ELSE missed_at END,
    orphaned_at = NULL
WHERE name = :name
    AND revision = :revision
    AND next_at = :due
    AND status = 'active'
    AND next_at <= :now
RETURNING queue

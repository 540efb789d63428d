-- Who has been asked to stop may be on the way out already: that is never taken back.
UPDATE soniq_workers AS worker
SET wish = CASE WHEN worker.wish = 'stop' THEN 'stop' ELSE $2 END
WHERE worker.id = $1
RETURNING worker.id

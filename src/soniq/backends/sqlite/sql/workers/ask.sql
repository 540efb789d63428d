-- Who has been asked to stop may be on the way out already: that is never taken back.
UPDATE soniq_workers SET wish = CASE WHEN wish = 'stop' THEN 'stop' ELSE :wish END WHERE id = :id

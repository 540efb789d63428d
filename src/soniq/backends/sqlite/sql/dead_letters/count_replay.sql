UPDATE soniq_dead_letter_jobs
SET resurrection_count = resurrection_count + 1, resurrected_at = :now
WHERE id = :id AND (NOT :once OR resurrection_count = 0)

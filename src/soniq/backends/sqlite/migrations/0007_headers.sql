-- What travels beside the arguments, such as the context of a trace: an object of texts, as JSON.
ALTER TABLE soniq_jobs ADD COLUMN headers TEXT;
ALTER TABLE soniq_dead_letter_jobs ADD COLUMN headers TEXT;

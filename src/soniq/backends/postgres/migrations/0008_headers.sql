-- What travels beside the arguments, such as the context of a trace: an object of texts. Most jobs have
-- none, and pay nothing for it.
ALTER TABLE soniq_jobs ADD COLUMN headers json;
ALTER TABLE soniq_dead_letter_jobs ADD COLUMN headers json;

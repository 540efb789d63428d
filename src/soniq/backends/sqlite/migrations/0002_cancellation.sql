-- An operator wants the running job to end: its worker asks for this column from time to time.
ALTER TABLE soniq_jobs ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;

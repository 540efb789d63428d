-- The claim (its fence) that runs alone in its worker: a crash then is that job's doing.
ALTER TABLE soniq_jobs ADD COLUMN isolated_fence integer NOT NULL DEFAULT 0;

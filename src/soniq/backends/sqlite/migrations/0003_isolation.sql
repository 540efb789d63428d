-- The claim (its fence) that runs alone in its worker: a crash then is that job's doing.
ALTER TABLE soniq_jobs ADD COLUMN isolated_fence INTEGER NOT NULL DEFAULT 0;

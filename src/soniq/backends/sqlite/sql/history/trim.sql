-- Those of the job's claims before the last fifty.
DELETE FROM soniq_attempts WHERE job_id = :id AND fence <= :fence - :kept

SELECT count(*) FROM soniq_dead_letter_jobs INDEXED BY soniq_dead_letter_jobs_finished

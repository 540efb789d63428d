DELETE FROM soniq_rollups WHERE minute < :before

DELETE FROM soniq_audit WHERE at <= :before

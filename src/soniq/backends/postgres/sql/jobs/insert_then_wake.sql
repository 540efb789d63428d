CALL soniq_insert_then_wake($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

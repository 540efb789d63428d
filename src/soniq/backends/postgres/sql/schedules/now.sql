SELECT COALESCE($1::timestamptz, now()) AS time

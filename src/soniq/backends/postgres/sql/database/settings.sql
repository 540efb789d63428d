-- What the server, the database and the role have set; $1 are the names of interest.
SELECT name, setting, vartype
FROM pg_settings
WHERE name = ANY ($1::text[])

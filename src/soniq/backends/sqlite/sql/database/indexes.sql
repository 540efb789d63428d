-- The indexes of Soniq's tables that were made by name.
SELECT name FROM sqlite_schema
WHERE type = 'index' AND tbl_name LIKE 'soniq\_%' ESCAPE '\' AND sql IS NOT NULL

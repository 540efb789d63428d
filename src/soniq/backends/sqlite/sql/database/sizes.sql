-- The bytes of every table and index of Soniq: every page of the file is looked at. Rows are those
-- of the pages of leaves; an index has one entry for each, so that only those of tables count.
SELECT
    schema.tbl_name,
    sum(page.pgsize),
    sum(CASE WHEN schema.type = 'index' THEN page.pgsize ELSE 0 END),
    sum(CASE WHEN schema.type = 'table' AND page.pagetype = 'leaf' THEN page.ncell ELSE 0 END)
FROM sqlite_schema AS schema
JOIN dbstat AS page ON page.name = schema.name
WHERE schema.tbl_name LIKE 'soniq\_%' ESCAPE '\'
GROUP BY schema.tbl_name
ORDER BY schema.tbl_name

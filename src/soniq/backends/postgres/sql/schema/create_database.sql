-- Returns the statement: CREATE DATABASE takes no parameters, and %I quotes the name.
SELECT format('CREATE DATABASE %I', $1::text)

"""The pages say what is so: their blocks run, their tables are complete."""

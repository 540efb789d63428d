"""``soniq demo``: a real job for every source file of Python's standard library."""

"""The doctor: small checks of database, workers, queues and settings, each with its cure."""

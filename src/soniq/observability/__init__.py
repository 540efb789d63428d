"""What operators watch: logs that name the job, metrics, traces, and whether all is well."""

"""The ``soniq`` command: data on stdout, talk on stderr, exit codes that scripts can rely on."""

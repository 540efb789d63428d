"""The JSON API: what the services return, as JSON, with the same checks as the pages."""

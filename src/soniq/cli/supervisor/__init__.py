"""``soniq worker --processes``: workers as child processes, replaced when they end."""

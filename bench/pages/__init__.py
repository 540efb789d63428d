"""What an operator waits for: pages, live updates and commands over a large database."""

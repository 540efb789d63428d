"""What type checkers see of Soniq."""

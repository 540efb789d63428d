"""Benchmarks of Soniq and of its peers: ``uv run python -m bench``."""

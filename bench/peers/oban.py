"""Oban for Python over psycopg; it needs Python 3.12. Options: ``limit`` of its queue (10)."""

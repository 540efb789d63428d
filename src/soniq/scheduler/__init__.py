"""Schedules: what fires and when, for people and for the loop that does it."""

"""The doctor: small checks of database, workers, queues and settings, each with its cure."""

from __future__ import annotations

from soniq.doctor.finding import Finding

__all__ = ["Finding"]

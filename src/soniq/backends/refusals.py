"""What the embedded backends can't do, and what no backend does, said in the same words by all."""

from __future__ import annotations

from typing import NoReturn

from soniq.errors import JobProcessing, TransactionUnsupported, UnsupportedByBackend


def refuse_connection(backend: str) -> NoReturn:
    """Raise TransactionUnsupported: ``connection=`` was given to an embedded backend."""
    message = (
        f"connection= was given, but the {backend} backend can't join a caller's transaction. "
        "Leave it out, or use PostgreSQL (database_url='postgresql://…')."
    )
    raise TransactionUnsupported(message)


def refuse_acquire(backend: str) -> NoReturn:
    """Raise UnsupportedByBackend: an embedded backend was asked for a connection."""
    message = (
        f"The {backend} backend has no connections to lend. For jobs within your own transaction "
        "use PostgreSQL (database_url='postgresql://…')."
    )
    raise UnsupportedByBackend(message)


def still_running(job_id: str) -> JobProcessing:
    """Return the error for a job that can't be deleted yet."""
    message = f"Job {job_id} is running, so it can't be deleted. Wait until it has ended."
    return JobProcessing(message)

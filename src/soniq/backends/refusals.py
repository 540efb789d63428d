"""What the embedded backends can't do, and what no backend does, said in the same words by all."""

from __future__ import annotations

from typing import NoReturn

from soniq.errors import (
    ClaimLost,
    JobProcessing,
    TransactionMisused,
    TransactionUnsupported,
    UnsupportedByBackend,
)
from soniq.job import ClaimedJob


def refuse_connection(backend: str) -> NoReturn:
    """Raise TransactionUnsupported: ``connection=`` was given to an embedded backend."""
    message = (
        f"connection= was given, but the {backend} backend can't join a caller's transaction"
        f"{' other than that of ctx.transaction()' if backend == 'sqlite' else ''}. "
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


def refuse_transaction(backend: str) -> NoReturn:
    """Raise UnsupportedByBackend: an embedded backend was asked for a transaction."""
    message = (
        f"The {backend} backend has no transactions for ctx.transaction(). "
        "Use SQLite (database_url='jobs.db') or PostgreSQL (database_url='postgresql://…')."
    )
    raise UnsupportedByBackend(message)


def claim_lost(claim: ClaimedJob) -> ClaimLost:
    """Return the error for a transaction whose claim is no longer in force."""
    message = (
        f"Job {claim.job_name} ({claim.id}) does not belong to attempt {claim.attempt} any more: "
        "it was given to another one. Everything in this transaction was rolled back. "
        "Let this error pass: the worker then drops the attempt."
    )
    return ClaimLost(message)


def ended_by_hand(claim: ClaimedJob) -> TransactionMisused:
    """Return the error for a transaction that has not lasted to the end of its block."""
    message = (
        f"ctx.transaction() of job {claim.id}: the transaction was ended within the block, so what "
        "was committed there is not bound to the job. Leave COMMIT and ROLLBACK to the end of the "
        "block: an exception rolls back."
    )
    return TransactionMisused(message)


def still_running(job_id: str) -> JobProcessing:
    """Return the error for a job that can't be deleted yet."""
    message = f"Job {job_id} is running, so it can't be deleted. Wait until it has ended."
    return JobProcessing(message)

"""Every error that Soniq raises. Each message says what happened, why, and how to cure it.

    SoniqError
    ├── ConfigurationError (ValueError)         a setting or URL that can't be used
    ├── DatabaseError
    │   ├── DatabaseUnreachable (ConnectionError)   nobody answers, or the login was refused
    │   └── SchemaNotReady                          tables missing or older than this version
    ├── RegistrationError
    │   ├── UnknownOption (TypeError)               an option that no task has
    │   ├── InvalidOption (ValueError)              a value out of range
    │   ├── InvalidTaskName (ValueError)
    │   ├── InvalidHandler (TypeError)              something that can't be a handler
    │   └── DuplicateTaskName (ValueError)
    ├── EnqueueError
    │   ├── UnknownTask (LookupError)
    │   ├── InvalidArguments (ValueError)           a value that can't travel unchanged
    │   │   └── ArgumentsTooLarge
    │   ├── TaskArgumentsInvalid (ValueError)       refused by the task's own model
    │   ├── BulkUniqueRefused (ValueError)          enqueue_many() of a unique task
    │   └── TransactionUnsupported (ValueError)     connection= where the backend has none
    ├── UnsupportedByBackend (NotImplementedError)
    ├── TransactionMisused (RuntimeError)       ctx.transaction() where or when it can't be had
    ├── ClaimLost                               a transaction came too late: nothing was written
    ├── InvalidSearch (ValueError)              a word that no search knows
    ├── JobNotFound (LookupError)
    ├── ScheduleNotFound (LookupError)
    ├── WorkerNotFound (LookupError)
    ├── JobProcessing (ValueError)                  the job runs; the call would pull it away
    ├── JobFailed                               wait_for() found the job in the dead letters
    ├── WaitTimeout (TimeoutError)
    ├── ExtraMissing (ImportError)                  an optional dependency that is not installed
    ├── DiscoveryError (ImportError)                a job module or app that can't be found
    ├── HandlerFailed                           what a handler raised in a process of its own
    │   └── HandlerFailedForGood (PermanentFailure)
    ├── WorkerCrashed                           a handler's own process ended under it
    └── PermanentFailure                            raised BY a handler: do not try again

The ``code`` of a class is stable: log it, match on it, look it up in the documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from soniq.job import DeadLetter


class SoniqError(Exception):
    """Base of everything that Soniq raises on purpose."""

    code: ClassVar[str] = "SONIQ_ERROR"


class ConfigurationError(SoniqError, ValueError):
    """A setting, keyword or database URL that can't be used as given."""

    code = "SONIQ_CONFIGURATION_INVALID"


class DatabaseError(SoniqError):
    """The database can't do what was asked."""

    code = "SONIQ_DATABASE_ERROR"


class DatabaseUnreachable(DatabaseError, ConnectionError):
    """Nobody answers at the database URL, or the login was refused."""

    code = "SONIQ_DATABASE_UNREACHABLE"


class SchemaNotReady(DatabaseError):
    """Soniq's tables are missing or older than this version of Soniq."""

    code = "SONIQ_SCHEMA_NOT_READY"


class RegistrationError(SoniqError):
    """A function can't become a task the way it was declared."""

    code = "SONIQ_REGISTRATION_INVALID"


class UnknownOption(RegistrationError, TypeError):
    """An option name that tasks do not have, or two names for the same option."""

    code = "SONIQ_UNKNOWN_OPTION"


class InvalidOption(RegistrationError, ValueError):
    """An option whose value is out of range."""

    code = "SONIQ_INVALID_OPTION"


class InvalidTaskName(RegistrationError, ValueError):
    """A task name that is empty, too long or against the naming pattern."""

    code = "SONIQ_INVALID_TASK_NAME"


class InvalidHandler(RegistrationError, TypeError):
    """Something that can't be called with keyword arguments by a worker."""

    code = "SONIQ_INVALID_HANDLER"


class DuplicateTaskName(RegistrationError, ValueError):
    """Two different functions claim the same task name."""

    code = "SONIQ_DUPLICATE_TASK_NAME"


class EnqueueError(SoniqError):
    """A job that can't be enqueued; nothing was written."""

    code = "SONIQ_ENQUEUE_INVALID"


class UnknownTask(EnqueueError, LookupError):
    """No task of that name is registered here."""

    code = "SONIQ_UNKNOWN_TASK_NAME"


class InvalidArguments(EnqueueError, ValueError):
    """An argument that would not arrive equal to what was given.

    ``path`` names the place, for example ``args.user.name[3]``.
    """

    code = "SONIQ_ARGUMENTS_INVALID"

    def __init__(self, message: str, *, path: str = "args") -> None:
        super().__init__(message)
        self.path = path


class ArgumentsTooLarge(InvalidArguments):
    """The encoded arguments exceed ``max_args_bytes``."""

    code = "SONIQ_ARGUMENTS_TOO_LARGE"


class TaskArgumentsInvalid(EnqueueError, ValueError):
    """The task's own model (``validate=``) refused the arguments."""

    code = "SONIQ_TASK_ARGS_INVALID"


class BulkUniqueRefused(EnqueueError, ValueError):
    """``enqueue_many()`` was asked for a task that is unique by default."""

    code = "SONIQ_BULK_UNIQUE_REFUSED"


class TransactionUnsupported(EnqueueError, ValueError):
    """``connection=`` was given, but the backend can't join a caller's transaction."""

    code = "SONIQ_TRANSACTION_UNSUPPORTED"


class UnsupportedByBackend(SoniqError, NotImplementedError):
    """The chosen backend has no such thing (for example connections to lend on SQLite)."""

    code = "SONIQ_UNSUPPORTED_BY_BACKEND"


class TransactionMisused(SoniqError, RuntimeError):
    """``ctx.transaction()`` in a wrong place, a second time, or ended by the handler itself."""

    code = "SONIQ_TRANSACTION_MISUSED"


class ClaimLost(SoniqError):
    """The job was taken from this attempt, so its ``ctx.transaction()`` was rolled back."""

    code = "SONIQ_CLAIM_LOST"


class InvalidSearch(SoniqError, ValueError):
    """A search that holds a word which means nothing; see ``soniq.search.parse_search``."""

    code = "SONIQ_SEARCH_INVALID"


class JobNotFound(SoniqError, LookupError):
    """No job or dead letter has that id."""

    code = "SONIQ_JOB_NOT_FOUND"


class ScheduleNotFound(SoniqError, LookupError):
    """No schedule has that name."""

    code = "SONIQ_SCHEDULE_NOT_FOUND"


class WorkerNotFound(SoniqError, LookupError):
    """There is no worker with that id: it has ended, or never was."""

    code = "SONIQ_WORKER_NOT_FOUND"


class JobProcessing(SoniqError, ValueError):
    """The job is running, so it can't be deleted."""

    code = "SONIQ_JOB_PROCESSING"


class JobFailed(SoniqError):
    """The awaited job ended in the dead letters; ``dead_letter`` is its record."""

    code = "SONIQ_JOB_FAILED"

    def __init__(self, message: str, dead_letter: DeadLetter) -> None:
        super().__init__(message)
        self.dead_letter = dead_letter


class WaitTimeout(SoniqError, TimeoutError):
    """The job had not ended when the time given to ``wait_for`` was over."""

    code = "SONIQ_WAIT_TIMEOUT"


class ExtraMissing(SoniqError, ImportError):
    """A part of Soniq that needs packages which are not installed: the message has the command."""

    code = "SONIQ_EXTRA_MISSING"


class DiscoveryError(SoniqError, ImportError):
    """A job module or application object that can't be imported."""

    code = "SONIQ_DISCOVERY_FAILED"


class PermanentFailure(SoniqError):
    """Raise it in a handler when trying again is pointless; the job goes to the dead letters.

    Example:
        ``raise PermanentFailure("the customer was deleted")``
    """

    code = "SONIQ_PERMANENT_FAILURE"


class HandlerFailed(SoniqError):
    """What a handler raised in a process of its own, for middleware and hooks: there it is text.

    ``summary`` is one line, ``Type: message``; ``traceback`` is what Python printed there.
    """

    code = "SONIQ_HANDLER_FAILED"

    def __init__(self, summary: str, traceback: str | None = None) -> None:
        super().__init__(summary)
        self.summary = summary
        self.traceback = traceback
        if traceback:
            # So that it is shown wherever this error is.
            self.add_note(traceback)


class HandlerFailedForGood(HandlerFailed, PermanentFailure):
    """A ``PermanentFailure`` that a handler raised in a process of its own."""

    code = "SONIQ_HANDLER_FAILED_FOR_GOOD"


class WorkerCrashed(SoniqError):
    """The process that a handler had for itself ended under it: by a signal, or by an exit."""

    code = "SONIQ_WORKER_CRASHED"

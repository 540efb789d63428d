"""How an attempt ended, and what follows from it. Pure: no clock, no I/O."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from soniq.errors import HandlerFailed, InvalidOption, PermanentFailure, WorkerCrashed
from soniq.job import ClaimedJob
from soniq.retry import LONGEST_DELAY, RetryPolicy


class Reason(StrEnum):
    """Why a job is in the dead letters."""

    MAX_RETRIES_EXCEEDED = "max_retries_exceeded"
    TIMEOUT = "timeout"
    PERMANENT_FAILURE = "permanent_failure"
    INVALID_ARGUMENTS = "invalid_arguments"
    JOB_NOT_FOUND = "job_not_found"
    WORKER_CRASHED = "worker_crashed"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as text that every database can store: one line, and the traceback."""

    summary: str
    traceback: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe any exception, also one whose own ``__str__`` raises."""
        if isinstance(error, HandlerFailed):
            return cls(error.summary, error.traceback)
        return cls(storable(summarize(error)), storable(format_traceback(error)))


def summarize(error: BaseException) -> str:
    """Return ``Type: message``, or the type alone where there is no message to be had."""
    name = type(error).__qualname__
    try:
        message = str(error)
    except BaseException as broken:  # noqa: BLE001 - user code: anything may come out of __str__
        message = f"(its message can't be shown: __str__ raised {type(broken).__qualname__})"
    return f"{name}: {message}" if message else name


def format_traceback(error: BaseException) -> str:
    """Return the traceback as Python prints it, or what can be had of it."""
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:  # noqa: BLE001 - a broken exception must not cost its traceback's frames
        return "".join(traceback.format_tb(error.__traceback__))


def storable(text: str, limit: int = 100_000) -> str:
    """Return text without NUL and lone surrogates, with at most ``limit`` of its characters."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n… {len(text) - limit} characters left out …\n{text[-half:]}"
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


# --- endings: what happened to the handler ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler came to its end; ``result`` is JSON text, or None with ``problem`` saying why."""

    result: str | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """The handler, a middleware or the arguments raised."""

    failure: Failure
    permanent: bool = False

    @classmethod
    def by(cls, error: BaseException) -> Raised:
        """Describe what was raised."""
        return cls(Failure.of(error), isinstance(error, PermanentFailure))


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The handler ran longer than its ``timeout`` seconds."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Crashed:
    """The process that the handler had for itself ended under it."""

    failure: Failure

    @classmethod
    def by(cls, error: WorkerCrashed) -> Crashed:
        """Describe the end; where the worker stood meanwhile says nothing about it."""
        return cls(Failure(summarize(error)))


@dataclass(frozen=True, slots=True)
class Misfit:
    """The arguments do not fit the handler; it was never called."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Stranger:
    """No task of that name is registered in this worker; nothing was called."""

    expired: bool = False


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The handler was stopped or never started: the worker shuts down, or the claim was lost."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The handler was told to stop because an operator had cancelled the job."""


# --- outcomes: what becomes of the job ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Complete:
    """The job is done. ``result`` is JSON text; without one, ``result_error`` says why."""

    result: str | None = None
    result_error: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The attempt is spent; the job is queued again ``delay`` seconds from now."""

    delay: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class Bury:
    """The job moves to the dead letters; as ``worker_crashed`` with one crash more."""

    reason: Reason
    failure: Failure


@dataclass(frozen=True, slots=True)
class Snooze:
    """Return it from a handler to run the job again in ``seconds``, without spending an attempt.

    Raises:
        InvalidOption: seconds is negative, not a number, or more than ten years.

    Example:
        ``return Snooze(60)``
    """

    seconds: float

    def __post_init__(self) -> None:
        """Refuse what can't be waited for."""
        if not can_wait(self.seconds):
            message = f"Snooze({self.seconds!r}): give the seconds to wait, from 0 to ten years."
            raise InvalidOption(message)


def can_wait(seconds: object) -> bool:
    """Tell whether something is a number of seconds that a database can add to a date."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return 0 <= seconds <= LONGEST_DELAY


@dataclass(frozen=True, slots=True)
class Release:
    """The job is given back unharmed: queued as it was, attempt unspent."""


@dataclass(frozen=True, slots=True)
class Crash:
    """The job is queued as it was, one crash more; the attempt is spent, but never the last one."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Cancel:
    """An operator wanted the running job to end, and it has ended."""


Ending = (
    Returned | Raised | TimedOut | Crashed | Misfit | Stranger | Interrupted | Cancelled | Snooze
)
Outcome = Complete | Retry | Bury | Snooze | Release | Crash | Cancel


class Settlement(NamedTuple):
    """An outcome together with the claim that it settles."""

    job: ClaimedJob
    outcome: Outcome = Release()


COMPLETE = Complete()
NOT_FOUND = Failure("UnknownTask: no worker knows this task; deploy it, then replay the job.")


def is_suspect(crashes: int, max_crashes: int) -> bool:
    """Tell whether the next crash would bury a job. It then runs alone, to be sure that it did it.

    The first crash is never the next one of a suspect: with ``max_crashes`` of 1 nobody asks.
    """
    return crashes > 0 and crashes + 1 >= max_crashes


def is_guilty(crashes: int, max_crashes: int, *, isolated: bool) -> bool:
    """Tell whether a job whose worker is gone had ``max_crashes`` crashes, this one by its doing.

    Where others ran beside it, any of them may have been the cause: it gets one more run.
    """
    return crashes + 1 >= max_crashes and (isolated or not is_suspect(crashes, max_crashes))


def worker_lost(worker_id: str) -> Failure:
    """Return what the operator reads as the last error of a rescued job."""
    return Failure(f"WorkerLost: worker {worker_id} ended or fell silent while it ran this job.")


def decide(  # noqa: PLR0911 - one return for each rule
    job: ClaimedJob,
    ending: Ending,
    policy: RetryPolicy,
    chance: float = 0.5,
    *,
    max_crashes: int = 3,
) -> Outcome:
    """Return what becomes of the job: the only place that knows the rules.

    Args:
        job: the claim; its ``attempt`` and ``max_attempts`` are the budget, ``crashes`` is apart.
        ending: how the attempt ended.
        policy: the task's delays between attempts.
        chance: a number from [0, 1) that places the delay within the policy's jitter.
        max_crashes: the number of crashes that buries a job.
    """
    match ending:
        case Returned(result, problem):
            return COMPLETE if result is problem is None else Complete(result, problem)
        case Snooze():
            return ending
        case Interrupted() | Stranger(expired=False):
            return Release()
        case Cancelled():
            return Cancel()
        case Stranger():
            return Bury(Reason.JOB_NOT_FOUND, NOT_FOUND)
        case Crashed(failure):
            poisonous = job.crashes + 1 >= max_crashes
            return Bury(Reason.WORKER_CRASHED, failure) if poisonous else Crash(failure)
        case Misfit(failure):
            return Bury(Reason.INVALID_ARGUMENTS, failure)
        case Raised(failure, permanent=True):
            return Bury(Reason.PERMANENT_FAILURE, failure)
        case Raised() | TimedOut():
            return retry_or_bury(job, ending, policy, chance)


def retry_or_bury(
    job: ClaimedJob, ending: Raised | TimedOut, policy: RetryPolicy, chance: float
) -> Retry | Bury:
    """Return a retry, or a burial where no attempt is left."""
    if job.attempt < job.max_attempts:
        return Retry(policy.delay(job.attempt, chance), ending.failure)
    late = isinstance(ending, TimedOut)
    return Bury(Reason.TIMEOUT if late else Reason.MAX_RETRIES_EXCEEDED, ending.failure)

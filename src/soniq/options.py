"""What a task, a TaskRef and a call may decide about a job; refused when declared, never later."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict, cast, get_args

from soniq.errors import InvalidOption, InvalidTaskName, UnknownOption
from soniq.retry import LONGEST_DELAY, RetryPolicy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from soniq.settings import Settings

Delay = int | float | Sequence[int | float]
When = datetime | timedelta | int | float
ExecutorName = Literal["async", "thread", "process"]
NAME_LENGTH = 255


class TaskOptionArguments(TypedDict, total=False):
    """The keywords of ``@app.job()``; all optional."""

    name: str | None
    retries: int
    max_retries: int
    priority: int
    queue: str
    unique: bool
    retry_delay: Delay
    retry_backoff: bool
    retry_max_delay: int | float | None
    retry_jitter: float
    timeout: int | float | None
    validate: type[BaseModel] | None
    args_model: type[BaseModel] | None
    executor: ExecutorName | None


class EnqueueOptionArguments(TypedDict, total=False):
    """The keywords of ``task.options()``: what one call may decide about its job."""

    queue: str | None
    priority: int | None
    scheduled_at: When | None
    unique: bool | None
    dedup_key: str | None
    connection: object | None


class EnqueueOptions(NamedTuple):
    """What a call says about a job; None leaves it to the next one in line."""

    queue: str | None = None
    priority: int | None = None
    scheduled_at: When | None = None
    unique: bool | None = None
    dedup_key: str | None = None
    connection: object | None = None

    @property
    def leave_all(self) -> bool:
        """Whether nothing is said about the job itself, whichever transaction it is written in."""
        return self[:-1] == NOTHING_SAID


NOTHING_SAID = EnqueueOptions()[:-1]


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """The options of a task, complete and in range. ``timeout`` in seconds, 0 for none.

    ``executor``: where the handler shall run; None leaves it to the kind of function that it is.
    """

    queue: str = "default"
    priority: int = 100
    max_attempts: int = 4
    unique: bool = False
    timeout: float = 300.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    model: type[BaseModel] | None = None
    executor: ExecutorName | None = None


def default_options(settings: Settings) -> TaskOptions:
    """Return the options of a task that was given none."""
    return TaskOptions(
        priority=settings.priority,
        max_attempts=settings.max_retries + 1,
        timeout=settings.job_timeout,
    )


def read_options(defaults: TaskOptions, given: Mapping[str, Any]) -> TaskOptions:
    """Return the options of a task from the keywords of ``@app.job()``, or refuse them.

    Raises:
        UnknownOption: a keyword that tasks do not have, or two names for one option.
        InvalidOption: a value out of range.
    """
    refuse_unknown(given, TaskOptionArguments.__annotations__, "@app.job()")
    given = unalias(unalias(given, "retries", "max_retries"), "validate", "args_model")
    retries = given.get("retries", defaults.max_attempts - 1)
    timeout = given.get("timeout")
    return replace(
        defaults,
        queue=check_text("queue", given.get("queue", defaults.queue)),
        priority=check_priority(given.get("priority", defaults.priority)),
        max_attempts=check_retries(retries) + 1,
        unique=check_bool("unique", given.get("unique", defaults.unique)),
        timeout=defaults.timeout if timeout is None else check_seconds("timeout", timeout),
        retry=read_retry_policy(given),
        model=check_model(given.get("validate")),
        executor=check_executor(given.get("executor")),
    )


def read_retry_policy(given: Mapping[str, Any]) -> RetryPolicy:
    """Return the delays between attempts from the ``retry_*`` keywords, or refuse them."""
    cap = given.get("retry_max_delay")
    jitter = check_seconds("retry_jitter", given.get("retry_jitter", 0.0))
    if jitter > 1:
        message = f"retry_jitter={jitter!r}: give the share of the delay to vary by, 0 to 1."
        raise InvalidOption(message)
    return RetryPolicy(
        delays=check_delays(given.get("retry_delay", 0)),
        backoff=check_bool("retry_backoff", given.get("retry_backoff", False)),
        max_delay=None if cap is None else check_seconds("retry_max_delay", cap),
        jitter=jitter,
    )


def refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    """Raise UnknownOption for the first name that is not known, with the nearest that is."""
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."
            message = f"{where} has no option {name!r}. {hint}"
            raise UnknownOption(message)


def unalias(given: Mapping[str, Any], name: str, alias: str) -> dict[str, Any]:
    """Return the options with ``alias`` renamed to ``name``; both given is an error."""
    if name in given and alias in given:
        message = f"{name!r} and {alias!r} are the same option: give only one."
        raise UnknownOption(message)
    return {(name if key == alias else key): value for key, value in given.items()}


def check_name(name: object) -> str:
    """Return a task name, or raise InvalidTaskName."""
    try:
        return check_text("name", name)
    except InvalidOption as error:
        raise InvalidTaskName(str(error)) from None


def check_text(option: str, value: object) -> str:
    """Return a short printable text, or raise InvalidOption."""
    if not isinstance(value, str) or not value.strip():
        message = f"{option}={value!r}: give a text that is not empty."
        raise InvalidOption(message)
    if len(value) > NAME_LENGTH:
        message = f"{option} has {len(value)} characters; {NAME_LENGTH} are the most."
        raise InvalidOption(message)
    if not value.isprintable():
        message = f"{option}={value!r}: control characters are not allowed."
        raise InvalidOption(message)
    return value


def check_priority(value: object) -> int:
    """Return a priority from 1 (first) to 1000 (last), or raise InvalidOption."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:  # noqa: PLR2004
        message = f"priority={value!r}: give a whole number from 1 (first) to 1000 (last)."
        raise InvalidOption(message)
    return value


def check_retries(value: object) -> int:
    """Return a number of retries, or raise InvalidOption."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31 - 1:
        message = f"retries={value!r}: give a whole number, 0 or more."
        raise InvalidOption(message)
    return value


def check_bool(option: str, value: object) -> bool:
    """Return True or False, or raise InvalidOption."""
    if not isinstance(value, bool):
        message = f"{option}={value!r}: give True or False."
        raise InvalidOption(message)
    return value


def check_seconds(option: str, value: object) -> float:
    """Return seconds, 0 or more and finite, or raise InvalidOption."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = f"{option}={value!r}: give a number of seconds."
        raise InvalidOption(message)
    if not math.isfinite(value) or not 0 <= value <= LONGEST_DELAY:
        message = f"{option}={value!r}: give seconds from 0 to ten years, finite."
        raise InvalidOption(message)
    return float(value)


def check_delays(value: object) -> tuple[float, ...]:
    """Return the delays of ``retry_delay``, or raise InvalidOption."""
    several = isinstance(value, list | tuple)
    items = cast("Sequence[object]", value) if several else [value]
    if not items:
        message = "retry_delay=[]: give at least one delay in seconds, or leave it out."
        raise InvalidOption(message)
    return tuple(check_seconds("retry_delay", item) for item in items)


def check_model(value: object) -> type[BaseModel] | None:
    """Return a pydantic model class or None, or raise InvalidOption."""
    if value is None or (isinstance(value, type) and hasattr(value, "model_validate")):
        return value
    message = f"validate={value!r}: give a pydantic BaseModel class."
    raise InvalidOption(message)


def check_executor(value: Any) -> ExecutorName | None:
    """Return the name of an executor or None, or raise InvalidOption."""
    if value is None or value in get_args(ExecutorName):
        return cast("ExecutorName | None", value)
    message = (
        f"executor={value!r}: give 'async' (the event loop), 'thread' or 'process', or leave it "
        "out: then coroutine functions run on the event loop and plain ones in a thread."
    )
    raise InvalidOption(message)

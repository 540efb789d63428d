"""What the jobs of one call have in common: who runs them, and by which options."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from soniq.arguments import check_model, encode_plain, fingerprint
from soniq.errors import InvalidOption
from soniq.job import NewJob
from soniq.options import EnqueueOptions, When, check_bool, check_priority, check_text
from soniq.retry import LONGEST_DELAY
from soniq.settings import Settings
from soniq.task import Task, TaskRef


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who shall run a job: a task that is known here, or a name that another service knows."""

    name: str
    task: Task[Any, Any] | None
    ref: TaskRef | None = None

    def encode(self, arguments: Mapping[str, Any], *, max_bytes: int) -> str:
        """Return the arguments as JSON text, checked by all that is known of the task."""
        task, ref = self.task, self.ref
        if task is not None and task.settings.model is None and ref is None:
            return task.arguments.bind_and_encode(arguments, self.name, max_bytes=max_bytes)
        if task is not None:
            task.arguments.bind(arguments, self.name)
            if task.settings.model is not None:
                check_model(task.settings.model, arguments, self.name)
        if ref is not None and ref.args_model is not None:
            check_model(ref.args_model, arguments, self.name)
        if task is not None:
            return task.arguments.encode(arguments, max_bytes=max_bytes)
        return encode_plain(arguments, max_bytes=max_bytes)

    def is_unique(self, options: EnqueueOptions) -> bool:
        """Tell whether a job that waits with the same arguments makes another one needless."""
        if options.unique is not None:
            return check_bool("unique", options.unique)
        if self.ref is not None and self.ref.unique is not None:
            return self.ref.unique
        return self.task is not None and self.task.settings.unique


@dataclass(frozen=True, slots=True)
class Pattern:
    """Everything about a job but its id and its arguments: decided and checked.

    ``key``: the unique key of all of them; ``unique``: the arguments make it.
    """

    addressee: Addressee
    queue: str
    priority: int
    max_attempts: int
    scheduled_at: datetime | None
    delay: float
    key: str | None
    unique: bool
    max_bytes: int

    def job(self, job_id: str, arguments: Mapping[str, Any]) -> NewJob:
        """Return the job of that id with these arguments, which are checked.

        Raises:
            TypeError, InvalidArguments, ArgumentsTooLarge, TaskArgumentsInvalid: they do not fit.
        """
        text = self.addressee.encode(arguments, max_bytes=self.max_bytes)
        key = f"{self.addressee.name}#{fingerprint(text)}" if self.unique else self.key
        return NewJob(
            job_id,
            self.addressee.name,
            self.queue,
            self.priority,
            text,
            self.max_attempts,
            self.scheduled_at,
            self.delay,
            key,
        )


def decide(addressee: Addressee, options: EnqueueOptions, settings: Settings) -> Pattern:
    """Return the pattern: options of the call before those of TaskRef, task and settings.

    Raises:
        InvalidOption: an option is out of range.
    """
    ref, task = addressee.ref, addressee.task.settings if addressee.task else None
    scheduled_at, delay = moment(options.scheduled_at)
    key = options.dedup_key
    return Pattern(
        addressee,
        queue=decide_queue(addressee, options),
        priority=decide_priority(addressee, options, settings),
        max_attempts=task.max_attempts if task else retries(ref, settings) + 1,
        scheduled_at=scheduled_at,
        delay=delay,
        key=None if key is None else f"{addressee.name}={check_text('dedup_key', key)}",
        unique=key is None and addressee.is_unique(options),
        max_bytes=settings.max_args_bytes,
    )


def decide_queue(addressee: Addressee, options: EnqueueOptions) -> str:
    """Return the queue to go into."""
    if options.queue is not None:
        return check_text("queue", options.queue)
    if addressee.ref is not None and addressee.ref.queue is not None:
        return addressee.ref.queue
    return "default" if addressee.task is None else addressee.task.settings.queue


def decide_priority(addressee: Addressee, options: EnqueueOptions, settings: Settings) -> int:
    """Return the priority."""
    if options.priority is not None:
        return check_priority(options.priority)
    if addressee.ref is not None and addressee.ref.priority is not None:
        return addressee.ref.priority
    return settings.priority if addressee.task is None else addressee.task.settings.priority


def retries(ref: TaskRef | None, settings: Settings) -> int:
    """Return how often a job of a task that is not known here may run again."""
    return settings.max_retries if ref is None or ref.retries is None else ref.retries


def moment(when: When | None) -> tuple[datetime | None, float]:
    """Return an aware UTC time, or a delay in seconds from now, from all that people may give.

    A naive datetime is taken as UTC.

    Raises:
        InvalidOption: a negative or endless delay, or something that is no time.
    """
    match when:
        case None:
            return None, 0.0
        case datetime():
            aware = when if when.tzinfo else when.replace(tzinfo=UTC)
            return check_date(aware), 0.0
        case timedelta():
            return None, check_delay(when.total_seconds())
        case bool():
            pass
        case int() | float():
            return None, check_delay(when)
    message = f"scheduled_at={when!r}: give a datetime (UTC), a timedelta, or seconds from now."
    raise InvalidOption(message)


def check_date(aware: datetime) -> datetime:
    """Return the moment in UTC; InvalidOption where it lies outside of what can be dated."""
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        message = f"scheduled_at={aware!r} can't be expressed in UTC."
        raise InvalidOption(message) from None


def check_delay(seconds: float) -> float:
    """Return seconds from now; InvalidOption for negative, endless or over ten years."""
    if not math.isfinite(seconds) or not 0 <= seconds <= LONGEST_DELAY:
        message = f"A delay of {seconds!r} s: give 0 or more seconds from now, at most ten years."
        raise InvalidOption(message)
    return float(seconds)

"""Handlers that tests run in processes of their own; each is found by module and name."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel

from soniq import JobContext, Snooze
from soniq.context import current_job
from soniq.errors import PermanentFailure


class Order(BaseModel):
    """A model among arguments."""

    id: UUID
    items: list[str]


def pid() -> int:
    """Return where this runs."""
    return os.getpid()


def describe(at: datetime, order: Order, numbers: set[int], wait: timedelta) -> dict[str, object]:
    """Say in which types the arguments have arrived, and return them."""
    kinds = [type(at), type(order), type(order.id), type(numbers), type(wait)]
    return {
        "types": [kind.__name__ for kind in kinds],
        "values": [at, order, numbers, wait],
    }


def of_trace() -> list[object]:
    """Return the ids of the current trace and span, and a piece of baggage."""
    from opentelemetry import baggage, trace  # noqa: PLC0415 - few need it

    span = trace.get_current_span().get_span_context()
    return [span.trace_id, span.span_id, baggage.get_baggage("tenant"), os.getpid()]


async def of_context(ctx: JobContext) -> dict[str, object]:
    """Return the context that was filled in, in a coroutine function."""
    await asyncio.sleep(0)
    assert current_job() == ctx
    assert not ctx.should_stop
    return {
        "job_id": ctx.job_id,
        "attempt": ctx.attempt,
        "max_attempts": ctx.max_attempts,
        "worker_id": ctx.worker_id,
        "scheduled_at": ctx.scheduled_at,
        "created_at": ctx.created_at,
        "headers": dict(ctx.headers),
        "pid": os.getpid(),
    }


def snooze(seconds: float, ctx: JobContext) -> Snooze:
    """Come again later."""
    return Snooze(seconds)


def fail(message: str) -> None:
    """Raise something that only this module knows."""
    raise Odd(message)


class Odd(Exception):
    """An error that could not be made anew from its arguments."""

    def __init__(self, message: str) -> None:
        super().__init__(message, object())

    def __str__(self) -> str:
        """Return the message."""
        return str(self.args[0])


def fail_for_good() -> None:
    """Raise a PermanentFailure."""
    raise PermanentFailure("the customer was deleted")


def leave(code: int) -> None:
    """Raise SystemExit, as a program does."""
    sys.exit(code)


def end(code: int) -> None:
    """End the process under the worker's feet."""
    os._exit(code)


def end_once(marker: str) -> str:
    """End the process at the first run, not at the second."""
    path = Path(marker)
    if not path.exists():
        path.touch()
        os._exit(3)
    return "again"


def be_killed(number: int) -> None:
    """Die by a signal."""
    os.kill(os.getpid(), number)
    time.sleep(60)


def orphan_a_sleeper(marker: str) -> None:
    """Die by a signal while a copy of this process goes on: it holds the same pipe."""
    copy = os.fork()
    if copy == 0:
        time.sleep(60)
        os._exit(0)
    Path(marker).write_text(str(copy))
    os.kill(os.getpid(), signal.SIGSEGV)


def fork_and_return() -> int:
    """Let a copy of this process come back from the handler as well."""
    parent = os.getpid()
    if os.fork() == 0:
        return -1
    os.wait()
    return parent


def hang(marker: str) -> None:
    """Write down where this runs, then run for longer than any test."""
    note(marker)
    while True:
        time.sleep(60)


async def hang_async(marker: str) -> None:
    """Hang in a coroutine function, which swallows every exception."""
    note(marker)
    while True:
        try:
            await asyncio.sleep(60)
        except BaseException:  # noqa: BLE001, S112 - as stubborn as can be
            continue


def hold_the_interpreter(marker: str) -> None:
    """Compute for ages without ever letting go of the interpreter."""
    note(marker)
    re.match(r"(a*)*b", "a" * 100)


def wait_for(marker: str, until: str) -> str:
    """Write down where this runs, and return once the file ``until`` is there."""
    note(marker)
    while not Path(until).exists():
        time.sleep(0.005)
    return "done"


def unstorable() -> object:
    """Return what has no JSON form."""
    return object()


def talk(text: str) -> str:
    """Print, also what could be taken for a message."""
    sys.stdout.write(f"{text}\n")
    sys.stderr.write(f"{text} on stderr\n")
    os.write(1, b"\x00\x00\x00\x02{}\n")
    return "printed"


def long_result(size: int) -> str:
    """Return a long text."""
    return "ü" * size


def length(text: str) -> int:
    """Return the length of a text."""
    return len(text)


def start_program() -> int:
    """Start another program and end it by SIGTERM, which it must not have learnt to ignore."""
    program = subprocess.Popen(["sleep", "60"])
    program.terminate()
    return program.wait()


def note(marker: str) -> None:
    """Write this process's id to a file, in one step."""
    temporary = Path(f"{marker}.{os.getpid()}")
    temporary.write_text(str(os.getpid()))
    temporary.rename(marker)


def pid_again() -> int:
    """Stand where another function stood before."""
    return os.getpid()

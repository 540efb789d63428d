"""What a worker and a process for its jobs say to each other: JSON, each text with its length."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from struct import Struct
from typing import Any

from soniq.context import JobContext

Message = dict[str, Any]

LENGTH = Struct("!I")
NAMES = tuple(field.name for field in fields(JobContext))
TIMES = ("scheduled_at", "created_at")


def pack(message: Message) -> bytes:
    """Return a message as bytes to send."""
    data = json.dumps(message).encode()
    return LENGTH.pack(len(data)) + data


class Unpacker:
    """Puts messages together from the pieces that arrive."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take a piece; yield what has become complete by it.

        Raises:
            ValueError: that is no message.
        """
        self._received += data
        while len(self._received) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._received)
            end = LENGTH.size + length
            if len(self._received) < end:
                return
            message = json.loads(self._received[LENGTH.size : end])
            del self._received[:end]
            yield message


def write_context(context: JobContext) -> Message:
    """Return a context as JSON."""
    facts = {name: getattr(context, name) for name in NAMES}
    return facts | {name: facts[name] and facts[name].isoformat() for name in TIMES}


def read_context(facts: Message) -> JobContext:
    """Return the context that ``write_context`` wrote."""
    values = dict(facts)
    for name in TIMES:
        values[name] = facts[name] and datetime.fromisoformat(facts[name])
    return JobContext(**values)


def cause_of_end(code: int) -> str:
    """Return the sentence that says how a job's process has ended, by its return code."""
    if code >= 0:
        return f"the process of this job ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (the system may have run out of memory)" if -code == signal.SIGKILL else ""
    return f"the process of this job was killed by {name}{hint}"

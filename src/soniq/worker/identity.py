"""What a start of a worker says of itself: a random id, its place, what it serves."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence

from soniq import __version__
from soniq.backends.contract import Queues
from soniq.backends.worker_contract import WorkerIdentity
from soniq.errors import InvalidOption
from soniq.options import check_text
from soniq.registry import Registry
from soniq.settings import Settings


def introduce(
    registry: Registry,
    settings: Settings,
    concurrency: int | None,
    queues: Sequence[str] | None,
) -> WorkerIdentity:
    """Return what this start of a worker says of itself; what was not given, the settings say."""
    return WorkerIdentity(
        # Random, not a natural key: in containers, host names and pids come round again.
        id=str(uuid.uuid4()),
        hostname=socket.gethostname(),
        pid=os.getpid(),
        queues=check_queues(settings.queues if queues is None else queues),
        concurrency=check_concurrency(settings.concurrency if concurrency is None else concurrency),
        tasks=registry.names,
        version=__version__,
    )


def check_concurrency(number: object) -> int:
    """Return a number of handlers at a time, or raise InvalidOption."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        message = f"concurrency={number!r}: give the number of jobs to run at a time, 1 or more."
        raise InvalidOption(message)
    return number


def check_queues(queues: Sequence[str] | None) -> Queues:
    """Return queue names, each once, or None for all; InvalidOption for anything else."""
    if queues is None:
        return None
    if isinstance(queues, str) or not queues:
        message = f"queues={queues!r}: give a list of queue names, or None to serve all queues."
        raise InvalidOption(message)
    return tuple(dict.fromkeys(check_text("queue", queue) for queue in queues))

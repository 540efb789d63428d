"""What every backend can do with workers: a part of ``contract.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from soniq.job import Worker


@dataclass(frozen=True, slots=True)
class Silence:
    """A worker that counts as alive by its lease, last renewed at ``since``, but holds no lock."""

    worker_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Lifeline:
    """What shows that a worker's process lives: a lock that the database drops with its connection.

    ``lost`` is called, in the event loop that opened the handle, when that connection is gone.
    """

    worker_id: str
    lost: Callable[[], None]


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """What a worker says of itself. ``id`` is random per start: host and pid come round again."""

    id: str
    hostname: str
    pid: int
    queues: tuple[str, ...] | None
    concurrency: int
    tasks: tuple[str, ...]
    version: str = ""


class Vitals(NamedTuple):
    """How a worker does: jobs that run, bytes of resident memory, seconds its loop is late."""

    running: int = 0
    memory_bytes: int | None = None
    loop_lag: float | None = None


class Renewal(NamedTuple):
    """A lease that was prolonged.

    ``others``: the other workers that have a row, alive or not. ``wish``: what an operator asks of
    this one: ``quiet``, ``stop`` or None.
    """

    others: int
    wish: str | None = None


class WorkerStore(Protocol):
    """The table ``soniq_workers``: who is alive, by leases that the database's clock ends."""

    async def register(self, worker: WorkerIdentity, *, lease: float) -> None:
        """Write or rewrite the worker's row; it is alive for ``lease`` seconds from now."""
        ...

    async def renew(
        self, worker_id: str, *, lease: float, vitals: Vitals | None = None
    ) -> Renewal | None:
        """Prolong the lease to ``lease`` seconds from now, and note the vitals, if any.

        None if the row is gone.
        """
        ...

    async def ask(self, worker_id: str, wish: str | None) -> bool:
        """Ask a worker to be ``quiet``, to ``stop``, or (None) to go on; tell whether it is there.

        It learns that by its next renewal. A wish to stop is never taken back.
        """
        ...

    async def silent(self) -> list[Silence]:
        """Return the workers with a running lease whose lock nobody holds.

        Their processes are gone, or have just lost their connection. Workers without a
        ``Lifeline``, and those that have not renewed since the server started, are not among them.
        """
        ...

    async def expire(self, silence: Silence) -> bool:
        """End the lease of a silent worker now, unless it has renewed or locked meanwhile."""
        ...

    async def leave(self, worker_id: str) -> None:
        """Delete the worker's row: it holds no jobs any more, or gives them up to be rescued."""
        ...

    async def find(self) -> list[Worker]:
        """Return all rows, oldest start first, each with ``alive`` by the database's clock."""
        ...

    async def prune(self) -> int:
        """Delete rows whose lease has run out and that no PROCESSING job names; return how many."""
        ...

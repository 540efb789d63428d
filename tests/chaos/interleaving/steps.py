"""Hold every transaction of the PostgreSQL backend before each statement and before its commit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from soniq.backends.postgres.pool import Database

Answer = TypeVar("Answer")
Gate = Callable[[str], Awaitable[None]]
HURRY = "SET synchronous_commit = off"
BLOCKED = "SELECT pg_blocking_pids($1) && $2::integer[]"
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")


class SteppedDatabase(Database):
    """The product's own database layer, whose statements wait at a gate.

    A statement that the product leaves to commit itself is run in a transaction that stands open
    until the gate lets it commit: the same to everybody else, only slower.
    """

    gate: Gate
    pid: int = 0

    async def hurry(self) -> None:
        """Wait for no disk: nothing here outlives the test."""
        await super()._run(lambda connection: connection.execute(HURRY))

    async def _run(self, action: Callable[[Any], Awaitable[Answer]]) -> Answer:
        async def stepped(connection: Any) -> Answer:
            self.pid = connection.get_server_pid()
            return await action(SteppedConnection(connection, self.gate))

        return await super()._run(stepped)


class SteppedConnection:
    """What the product sees of a connection."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], gate: Gate) -> None:
        self._connection = connection
        self._gate = gate
        self._inside = False

    async def fetch(self, text: str, *args: object) -> list[asyncpg.Record]:
        """Run a statement when the gate allows it, and commit when the gate allows that."""
        await self._gate("statement")
        if self._inside or not WRITES.search(text):
            return await self._connection.fetch(text, *args)
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            records = await self._connection.fetch(text, *args)
        except BaseException:
            await transaction.rollback()
            raise
        await self._gate("commit")
        await transaction.commit()
        return records

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Hold a transaction of the product's own before it commits."""
        self._inside = True
        try:
            async with self._connection.transaction():
                yield
                await self._gate("commit")
        finally:
            self._inside = False


class Actor:
    """One of the two parties: its task, and where it stands."""

    def __init__(self, name: str, db: SteppedDatabase) -> None:
        self.name = name
        self.at = "start"
        self._db = db
        self._go: asyncio.Event | None = None
        self._task: asyncio.Task[object] | None = None
        db.gate = self._wait

    def start(self, work: Awaitable[object]) -> None:
        """Let it come to its first gate."""

        async def run() -> object:
            return await work

        self._task = asyncio.create_task(run())

    @property
    def pid(self) -> int:
        """The process of the server that works for it."""
        return self._db.pid

    @property
    def has_ended(self) -> bool:
        """Tell whether its call has returned or raised."""
        return self._task is not None and self._task.done()

    @property
    def is_ready(self) -> bool:
        """Tell whether it stands at a gate."""
        return self._go is not None

    def step(self) -> None:
        """Open the gate at which it stands."""
        assert self._go is not None
        gate, self._go = self._go, None
        gate.set()

    def answer(self) -> object:
        """Return what its call has returned, or the error that it has raised."""
        assert self._task is not None
        return self._task.exception() or self._task.result()

    async def abandon(self) -> None:
        """Cancel what still runs, after a failure of the test itself."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _wait(self, step: str) -> None:
        self.at = step
        self._go = gate = asyncio.Event()
        await gate.wait()


class Conductor:
    """Lets two actors take steps, one at a time, and sees who is blocked by whom."""

    def __init__(self, onlooker: asyncpg.Connection[asyncpg.Record], *actors: Actor) -> None:
        self._onlooker = onlooker
        self._actors = actors

    async def play(self, schedule: list[int]) -> tuple[list[tuple[int, int]], list[str]]:
        """Run all to their end; return the choices that were made, and the steps in words.

        ``schedule`` says who goes next where several could; the first of them where it is silent.
        A choice is what was chosen, and out of how many.
        """
        choices: list[tuple[int, int]] = []
        steps: list[str] = []
        order = list(self._actors)
        while not all(actor.has_ended for actor in self._actors):
            for actor in order:
                await self._settled(actor)
            ready = [actor for actor in self._actors if actor.is_ready]
            if not ready:  # a deadlock, which the server will find and end
                continue
            chosen = 0
            if len(ready) > 1:
                chosen = schedule[len(choices)] if len(choices) < len(schedule) else 0
                choices.append((chosen, len(ready)))
            mover = ready[chosen]
            steps.append(f"{mover.name}: {mover.at}")
            mover.step()
            # Whom it has released is seen only after it has come to rest itself.
            order.sort(key=lambda actor: actor is not mover)
        return choices, steps

    async def _settled(self, actor: Actor) -> None:
        """Return when an actor stands at a gate, has ended, or waits for a lock of another one."""
        others = [other.pid for other in self._actors if other is not actor]
        while not (actor.is_ready or actor.has_ended):
            blocked = await self._onlooker.fetchval(BLOCKED, actor.pid, others)
            if blocked:
                return


async def every_schedule(
    play: Callable[[list[int]], Awaitable[list[tuple[int, int]]]], *, most: int
) -> int:
    """Call ``play`` with each order of steps once, depth first; return how many there were."""
    schedule: list[int] = []
    for number in range(1, most + 1):
        choices = await play(schedule)
        while choices and choices[-1][0] == choices[-1][1] - 1:
            choices.pop()
        if not choices:
            return number
        *before, (last, _) = choices
        schedule = [chosen for chosen, _ in before] + [last + 1]
    message = f"more than {most} orders of steps"
    raise AssertionError(message)

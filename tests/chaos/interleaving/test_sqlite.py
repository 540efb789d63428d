from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

import pytest

from soniq.backends.sqlite import SqliteBackend
from tests.chaos.figures import figure
from tests.chaos.interleaving.serial import Case, End, cases, complaint, seen
from tests.chaos.interleaving.verbs import STATES, VERBS, Party, Scene
from tests.support import FrozenClock

TABLES = ("soniq_jobs", "soniq_dead_letter_jobs", "soniq_workers", "soniq_rollups")
KEEP = [f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}" for table in TABLES]  # noqa: S608
EMPTY = [f"DELETE FROM {table}" for table in TABLES]  # noqa: S608
REFILL = [f"INSERT INTO {table} SELECT * FROM kept_{table}" for table in TABLES]  # noqa: S608
ORDERS = {"first, second": (0, 1), "second, first": (1, 0), "at once": None}


@dataclass(slots=True)
class Stage:
    """A file in a starting state, and the handles of two parties on it."""

    scene: Scene
    handles: tuple[SqliteBackend, SqliteBackend]

    async def play(self, case: Case, order: tuple[int, ...] | None) -> End:
        """Make both calls, in an order or at once, and return what came of it."""
        await self.handles[0]._database.write(restore)
        calls = [
            VERBS[case.verbs[number]](
                Party(self.handles[number], self.scene.clock, self.scene.claims, number)
            )
            for number in (0, 1)
        ]
        if order is None:
            first, second = await asyncio.gather(*calls)
        else:
            answers = {number: await calls[number] for number in order}
            first, second = answers[0], answers[1]
        unseen = await self.handles[0]._database.read(look)
        return End((first, second), await seen(self.handles[0], unseen))


@asynccontextmanager
async def stage(path: Path, state: str) -> AsyncIterator[Stage]:
    """Bring a new file into a state."""
    clock = FrozenClock()
    handles = SqliteBackend(path, clock), SqliteBackend(path, clock)
    try:
        for handle in handles:
            await handle.open()
            await handle._database.read(hurry)
        scene = Scene(handles[0], clock)
        await STATES[state](scene)
        await handles[0]._database.write(keep)
        yield Stage(scene, handles)
    finally:
        for handle in handles:
            await handle.close()


def hurry(connection: Connection) -> None:
    """Wait for no disk: nothing here outlives the process."""
    connection.execute("PRAGMA synchronous = OFF")


def keep(connection: Connection) -> None:
    """Remember all rows."""
    for statement in KEEP:
        connection.execute(statement)


def restore(connection: Connection) -> None:
    """Bring back all rows."""
    for statement in EMPTY + REFILL:
        connection.execute(statement)


def look(connection: Connection) -> dict[str, tuple[int, bool]]:
    """Return what jobs hide from readers."""
    records = connection.execute("SELECT id, fence, cancel_requested FROM soniq_jobs")
    return {job_id: (fence, bool(stopping)) for job_id, fence, stopping in records}


@pytest.mark.parametrize("state", STATES)
async def test_two_handles_are_as_good_as_one_after_the_other(
    sqlite_path: Path, state: str
) -> None:
    """In either order and at once: two handles on one file leave what the model leaves."""
    found, wrong = await cases(state), []
    async with stage(sqlite_path, state) as ready:
        for case in found:
            for name, order in ORDERS.items():
                end = await ready.play(case, order)
                if end not in case.lawful:
                    wrong.append(complaint(case, name, end))
    figure(
        "interleaving",
        backend="sqlite",
        state=state,
        pairs=len(found),
        schedules=len(found) * len(ORDERS),
    )
    assert not wrong, f"{len(wrong)} unlawful ends:\n" + "\n".join(wrong[:5])

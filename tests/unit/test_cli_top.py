"""``soniq top``: looks, paces, and what fits on a screen."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from soniq import Soniq
from soniq.cli import render
from soniq.cli.commands import app as cli
from soniq.cli.top import session
from soniq.cli.top.look import Look, look
from soniq.cli.top.screen import drawn
from soniq.cli.top.tables import cut, heights
from soniq.errors import DatabaseUnreachable
from soniq.outcome import Complete
from tests.support import FrozenClock
from tests.support.store import claim, insert, new_job, register, settle


@pytest.fixture
def app(clock: FrozenClock) -> Soniq:
    """An app in memory by a clock that stands still."""
    return Soniq(backend="memory", clock=clock)


def line_of(found: Look, queue: str) -> dict[str, float | None]:
    """Return what is told of one queue."""
    [line] = [one for one in found.queues if one.standing.queue == queue]
    return {"in": line.pace.in_rate, "out": line.pace.out_rate}


async def test_paces_are_those_of_the_last_minute(app: Soniq, clock: FrozenClock) -> None:
    """What came and what left are counted, by seconds and by minutes."""
    await insert(app.backend, *(new_job(clock) for _ in range(10)))
    assert line_of(await look(app), "default") == {"in": 10 / 60, "out": 0.0}
    for one in await claim(app.backend, limit=6):
        assert await settle(app.backend, one, Complete("1"))
    clock.advance(seconds=30)
    await insert(app.backend, *(new_job(clock) for _ in range(24)))
    # The minute that the window begins in counts as a whole: 90 s were looked at.
    assert line_of(await look(app), "default") == pytest.approx({"in": 34 / 60, "out": 6 / 90})
    clock.advance(seconds=30)
    assert line_of(await look(app), "default") == pytest.approx({"in": 24 / 60, "out": 6 / 60})


async def test_a_queue_that_is_drained_stays_for_a_minute(app: Soniq, clock: FrozenClock) -> None:
    """It has nothing in it, and a pace."""
    await insert(app.backend, new_job(clock))
    [one] = await claim(app.backend)
    await settle(app.backend, one, Complete("1"))
    assert [line.standing.queue for line in (await look(app)).queues] == ["default"]
    clock.advance(minutes=3)
    assert (await look(app)).queues == []


@pytest.mark.parametrize(
    ("wanted", "room", "given"),
    [
        ([2, 1, 3], 30, [2, 1, 3]),
        ([20, 1, 30], 12, [4, 1, 7]),
        ([20, 1, 2], 12, [9, 1, 2]),
        ([5, 5, 5], 0, [0, 0, 0]),
    ],
)
def test_rows_are_shared_out(wanted: list[int], room: int, given: list[int]) -> None:
    """What one table does not need goes to the others, and no more than there is."""
    assert heights(wanted, room) == given


def test_a_table_that_is_cut_says_so() -> None:
    """By the number of its rows in the first heading."""
    shown = render.Table(("queue", "due"), [("a", 1), ("b", 2), ("c", 3)], clipped=("queue",))
    assert cut(shown, 3) is shown
    short = cut(shown, 2)
    assert short.columns == ("queue (2 of 3)", "due")
    assert (list(short.rows), list(short.clipped)) == ([("a", 1), ("b", 2)], ["queue (2 of 3)"])


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (140, 50)])
async def test_a_look_fits_the_screen(
    app: Soniq, clock: FrozenClock, columns: int, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many queues and jobs there are; the one that runs longest comes first."""
    monkeypatch.setattr(render, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    await insert(app.backend, *(new_job(clock, queue=f"queue-{n}") for n in range(60)))
    await register(app.backend)
    [first] = await claim(app.backend, limit=1)
    clock.advance(seconds=5)
    await claim(app.backend, limit=40)
    found = await look(app)
    console = Console(width=columns, height=lines, highlight=False)
    with console.capture() as capture:
        console.print(drawn(found, "", lines))
    shown = capture.get().splitlines()
    assert len(shown) <= lines
    assert max(map(len, shown)) <= columns
    assert any(line.startswith("queue (") for line in shown)
    [place] = [n for n, line in enumerate(shown) if line.startswith("job (")]
    assert shown[place + 2].startswith(first.id)


async def test_a_database_that_is_away_ends_nothing(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and the next look is shown again; q is the end."""
    shown: list[object] = []
    enough = asyncio.Event()

    async def unsteady(app: Soniq) -> Look:
        if len(shown) == 1:
            raise DatabaseUnreachable("away")
        return await look(app)

    def show(found: Look | str) -> None:
        shown.append(found if isinstance(found, str) else "look")
        if len(shown) == 3:
            enough.set()

    monkeypatch.setattr(session, "look", unsteady)
    await session.again(app, show, enough, 0.001)
    assert shown == ["look", "away", "look"]


def test_once(sqlite_path: Path) -> None:
    """In a pipe a line for the time, each queue, worker and job; as JSON one document."""

    async def fill() -> None:
        async with Soniq(database_url=str(sqlite_path)) as app:
            await register(app.backend)
            await insert(
                app.backend, new_job(app.clock, args='{"secret": "canary"}'), new_job(app.clock)
            )
            await claim(app.backend, limit=1)

    asyncio.run(fill())
    call = ["top", "--once", "--database-url", str(sqlite_path)]
    lines = [line.split("\t") for line in CliRunner().invoke(cli, call).stdout.splitlines()]
    assert [line[0] for line in lines] == ["time", "queue", "worker", "job"]
    assert lines[1][1:5] == ["default", "1", "0", "1"]
    found = json.loads(CliRunner().invoke(cli, [*call, "--json"]).stdout)
    assert [one["queue"] for one in found["queues"]] == ["default"]
    assert "canary" not in json.dumps(found)
    assert len(found["workers"]) == len(found["running"]) == 1

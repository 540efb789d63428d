"""The tools of the tests: what they find and what they promise."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import FrozenClock, places
from tests.support.clock import START
from tests.support.leaks import leaked_tasks, leaked_threads
from tests.support.postgres import PREFIX, begin_run, end_run


def test_a_frozen_clock_moves_when_told() -> None:
    """Time, monotonic seconds and the time for databases move together, and only by hand."""
    clock = FrozenClock()
    assert clock.now() == clock.pinned() == START
    clock.advance(days=1, hours=1, minutes=1, seconds=1.5)
    gone = timedelta(days=1, hours=1, minutes=1, seconds=1.5)
    assert clock.now() == clock.pinned() == START + gone
    assert clock.monotonic() == gone.total_seconds()
    assert clock.new_id() < clock.new_id()


def test_chance_can_be_chosen() -> None:
    """A test decides what chance brings."""
    clock = FrozenClock()
    clock.chance = 0.25
    assert (clock.random(), clock.random()) == (0.25, 0.25)


async def test_a_leaked_task_is_found() -> None:
    """A task that is still waiting is reported, one that was cancelled is not."""
    task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    [found] = await leaked_tasks()
    assert "forgotten" in found
    task.cancel()
    assert await leaked_tasks() == []


async def test_a_task_that_ends_in_time_is_not_leaked() -> None:
    """Patience is had with tasks that end, not with those that go on."""
    ends = asyncio.create_task(asyncio.sleep(0.01), name="ends")
    stays = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    [found] = await leaked_tasks(patience=0.1)
    assert "forgotten" in found
    assert ends.done()
    stays.cancel()
    assert await leaked_tasks(patience=20) == []


def test_a_leaked_thread_is_found() -> None:
    """A thread that does not end is reported by name, one that ends is not."""
    before = threading.enumerate()
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait, name="forgotten")
    thread.start()
    assert leaked_threads(before, patience=0.01) == ["forgotten"]
    go_on.set()
    assert leaked_threads(before) == []


def test_a_run_clears_its_folder_away() -> None:
    """A run without a server leaves nothing behind."""
    folder = begin_run()
    assert folder.is_dir()
    end_run(folder)
    assert not folder.exists()


def test_a_run_clears_away_what_a_killed_one_has_left(tmp_path: Path) -> None:
    """Also where that was killed while its server was being made, which nobody can stop."""
    left = tmp_path / f"{PREFIX}gone-left"
    (left / "data").mkdir(parents=True)
    (left / "data" / "postmaster.pid").write_text("-1\n")
    end_run(begin_run(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_run_are_in_memory_where_there_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But on a disk for the tests that crash what they start."""
    disk = Path(tempfile.gettempdir())
    monkeypatch.setattr(places, "MEMORY", tmp_path)
    monkeypatch.setattr(places, "ENOUGH", 0)
    assert places.place_for(["tests/unit"]) == tmp_path
    assert places.place_for(["tests/unit", "tests/chaos/test_kills.py::test_x"]) == disk
    monkeypatch.setattr(places, "MEMORY", tmp_path / "missing")
    monkeypatch.setattr(places, "ENOUGH", 1)
    assert places.place_for(["tests/unit"]) == disk

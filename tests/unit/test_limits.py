"""When a worker has done enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from soniq.errors import InvalidOption
from soniq.worker import limits
from soniq.worker.limits import MIB, Limits, resident
from tests.support.clock import FrozenClock


def test_jobs_are_counted(clock: FrozenClock) -> None:
    """The last job that is allowed reaches the limit, once."""
    counted = Limits(3, None, clock)
    assert [counted.reached_by_a_job() for _ in range(5)] == [False, False, True, False, False]
    assert counted.reason == "max_jobs"


def test_memory_is_looked_at_after_jobs(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after each, since most are shorter than the look, but soon after."""
    held = 100
    monkeypatch.setattr(limits, "resident", lambda: held * MIB)
    watched = Limits(None, 100, clock)
    assert not watched.reached_by_a_job()
    held = 101
    assert not watched.reached_by_a_job()
    clock.advance(seconds=limits.LOOK_SECONDS)
    assert watched.reached_by_a_job()
    assert watched.reason == "max_rss"


def test_memory_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is allocated shows; without ``/proc`` the peak stands for it."""
    before = resident()
    hoard = bytearray(b"x") * (64 * MIB)
    assert 48 * MIB < resident() - before < 96 * MIB
    monkeypatch.setattr(limits, "STATM", Path("/nowhere"))
    assert resident() >= before + len(hoard) - 16 * MIB


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "many"])
def test_a_limit_is_a_positive_number(clock: FrozenClock, number: object) -> None:
    """Anything else is refused by name."""
    with pytest.raises(InvalidOption, match="max_jobs"):
        Limits(number, None, clock)  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="max_rss"):
        Limits(None, number, clock)  # type: ignore[arg-type]

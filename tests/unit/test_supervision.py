"""What a supervisor decides when a worker process has ended, and how it says so."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from soniq.cli.exits import Exit
from soniq.cli.supervisor.fate import (
    LONGEST_PAUSE,
    STEADY_SECONDS,
    TRIES,
    Ended,
    Fate,
    GiveUp,
    Leave,
    Place,
    Restart,
    Sum,
    pause,
)
from soniq.cli.tally import told

ORDERLY = Ended(1, 0, 5.0, started=True, report={"complete": 3}, reason="max_jobs")
CRASHED = Ended(1, 3, 5.0, started=True)
KILLED = Ended(1, -signal.SIGKILL, 5.0, started=True)
STILLBORN = Ended(1, 1, 0.5, started=False)


def fate(place: Place, ended: Ended, **circumstances: bool) -> Fate:
    """Decide in an established supervisor, unless the circumstances say otherwise."""
    usual = {"proven": True, "stopping": False, "run_once": False}
    return place.decide(ended, **(usual | circumstances), chance=0.5)


def test_an_orderly_end_has_a_successor_at_once() -> None:
    """Recycled, or told to stop on its own: no pause, and earlier failures are forgotten."""
    place = Place(failures=5)
    assert fate(place, ORDERLY) == Restart(0.0)
    assert place.failures == 0


@pytest.mark.parametrize("ended", [CRASHED, KILLED, Ended(1, 0, 0.5, started=False)])
def test_failures_in_a_row_are_waited_after_longer_and_longer(ended: Ended) -> None:
    """0.1 s, doubled each time up to 10 s; also after an exit code 0 before any work."""
    place = Place()
    pauses = [decided.after for _ in range(9) if isinstance(decided := fate(place, ended), Restart)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_long_life_wipes_the_slate() -> None:
    """A crash after half a minute is the first one again."""
    place = Place(failures=7)
    assert fate(place, Ended(1, 3, STEADY_SECONDS, started=True)) == Restart(0.1)


def test_pauses_vary() -> None:
    """By a quarter to each side, so that many supervisors do not move in step."""
    assert (pause(1, 0.0), pause(1, 1.0)) == (0.1 * 0.75, 0.1 * 1.25)
    assert pause(10_000, 0.5) == LONGEST_PAUSE


@pytest.mark.parametrize("ended", [ORDERLY, CRASHED, KILLED, STILLBORN])
def test_nobody_is_replaced_at_the_stop(ended: Ended) -> None:
    """However it ended."""
    assert fate(Place(), ended, stopping=True) == Leave()


@pytest.mark.parametrize("ended", [ORDERLY, CRASHED, KILLED])
def test_nobody_is_replaced_where_each_runs_once(ended: Ended) -> None:
    """It has run dry, or failed, and that is that."""
    assert fate(Place(), ended, run_once=True) == Leave()


def test_nobody_takes_the_place_of_one_that_an_operator_stopped() -> None:
    """One fewer was asked for; the other places are not concerned."""
    asked = replace(ORDERLY, reason="asked")
    assert fate(Place(), asked) == Leave()
    assert fate(Place(), ORDERLY) == Restart(0.0)


def test_who_can_never_start_is_given_up() -> None:
    """After three tries, with the exit code of the last; wrong usage is not tried again."""
    place = Place()
    decided = [fate(place, STILLBORN, proven=False) for _ in range(TRIES)]
    assert decided[-1] == GiveUp(1)
    assert all(isinstance(earlier, Restart) for earlier in decided[:-1])
    wrong = Ended(1, Exit.USAGE, 0.5, started=False)
    assert fate(Place(), wrong, proven=False) == GiveUp(Exit.USAGE)
    assert fate(Place(), STILLBORN, proven=False, run_once=True) == GiveUp(1)


def test_who_once_could_start_is_never_given_up() -> None:
    """The database may be away when a worker is replaced: that passes."""
    place = Place()
    assert all(isinstance(fate(place, STILLBORN), Restart) for _ in range(100))


@pytest.mark.parametrize(
    ("ended", "code"),
    [(Ended(1, -9, 1.0, started=False), 1), (Ended(1, 0, 1.0, started=False), 1)],
)
def test_giving_up_is_always_a_failure(ended: Ended, code: int) -> None:
    """Neither a signal nor an exit code 0 without any work looks like success."""
    assert fate(Place(failures=TRIES), ended, proven=False) == GiveUp(code)


def test_the_sum_counts_work_and_crashes() -> None:
    """Reports are added up; what ended by our own signal before it had started is no crash."""
    total = Sum()
    early = Ended(1, -signal.SIGTERM, 0.1, started=False, asked=True)
    for ended in (ORDERLY, ORDERLY, CRASHED, early):
        total.add(ended)
    assert (total.counts, total.ended, total.crashed) == ({"complete": 6}, 4, 1)


def test_ends_are_told_in_words() -> None:
    """By which signal, with which code, or why in good order."""
    assert KILLED.words == "was killed by SIGKILL after 5.0 s"
    assert Ended(1, -77, 5.0, started=True).words == "was killed by signal 77 after 5.0 s"
    assert CRASHED.words == "ended with exit code 3 after 5.0 s"
    assert ORDERLY.words == "ended (max_jobs)"
    assert told({"complete": 0, "retry": 2, "abandoned": 1}) == "0 done, 2 to retry, 1 left behind"

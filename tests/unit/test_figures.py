"""Figures of a while, from what was counted by the minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from soniq import figures, histogram, history
from soniq.figures import Figures
from soniq.history import Rollup

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ZERO = Figures(0, 0, 0, 0, 0, 0.0, None, None, None, None)


def rollup(
    outcome: str = "complete",
    *,
    count: int = 1,
    minute: datetime = NOON,
    queue: str = "default",
    name: str = "mail.send",
    wait: float = 0.01,
    run: float = 0.3,
) -> Rollup:
    """Return attempts that all took as long."""
    waits, runs = histogram.empty(), histogram.empty()
    waits[histogram.bucket_of(wait)] = count
    runs[histogram.bucket_of(run)] = count
    sums = (wait * count, run * count)
    return Rollup(minute, queue, name, outcome, count, *sums, tuple(waits), tuple(runs))


def test_nothing_ended() -> None:
    """There are counts, and no times."""
    assert figures.summed([], seconds=60).__class__ is Figures
    assert dict(figures.summed([], seconds=60)) == dict(ZERO)


def test_outcomes_are_told_apart() -> None:
    """Retries, burials and crashes failed; what was cancelled or snoozed did not."""
    counts = {"complete": 30, "retry": 5, "bury": 3, "crash": 2, "cancel": 7, "snooze": 11}
    found = figures.summed((rollup(how, count=n) for how, n in counts.items()), seconds=60)
    assert (found.completed, found.failed, found.buried) == (30, 10, 3)
    assert (found.cancelled, found.snoozed) == (7, 11)
    assert found.rate == pytest.approx(0.5)


def test_percentiles_are_of_all_together() -> None:
    """A few slow ones among many quick ones show at the 95th, not at the middle."""
    quick, slow = rollup(count=90), rollup("retry", count=10, wait=100, run=1000)
    found = figures.summed([quick, slow], seconds=60)
    assert found.wait_p50 is not None
    assert found.wait_p95 is not None
    assert 0.005 <= found.wait_p50 <= 0.02
    assert 60 <= found.wait_p95 <= 300
    assert found.run_p50 == histogram.percentile(quick.runs, 50 / 90)
    assert found.run_p95 == histogram.percentile(slow.runs, 0.5)


def test_groups_are_sorted() -> None:
    """Each group has its own figures, in the order of the names."""
    found = figures.grouped(
        [rollup(queue="b", count=2), rollup(queue="a"), rollup(queue="b", count=3)],
        lambda one: one.queue,
        seconds=10,
    )
    assert {queue: one.completed for queue, one in found.items()} == {"a": 1, "b": 5}
    assert list(found) == ["a", "b"]


def test_a_series_has_no_gaps() -> None:
    """Every step is there, in order; the one that is under way is rated by what has passed."""
    now = NOON + timedelta(minutes=4, seconds=30)
    found = figures.series(
        [
            rollup(count=60),
            rollup(minute=NOON + 4 * MINUTE, count=60),
            rollup(minute=NOON - MINUTE),  # before
            rollup(minute=NOON + 5 * MINUTE),  # after
        ],
        since=NOON,
        now=now,
        step=60,
    )
    assert [one.at for one in found] == [NOON + MINUTE * n for n in range(5)]
    assert [one.figures.completed for one in found] == [60, 0, 0, 0, 60]
    assert [one.figures.rate for one in found] == [1.0, 0.0, 0.0, 0.0, 2.0]
    assert dict(found[1].figures) == dict(ZERO)


def test_longer_steps_gather_minutes() -> None:
    """What fell into a step is in it, whichever minute of it."""
    minutes = [rollup(minute=NOON + MINUTE * n) for n in range(10)]
    found = figures.series(minutes, since=NOON, now=NOON + 9 * MINUTE, step=300)
    assert [one.figures.completed for one in found] == [5, 5]


def test_what_has_just_begun_has_a_rate() -> None:
    """No time has passed yet: it is taken for a second."""
    [one] = figures.series([rollup(count=3)], since=NOON, now=NOON, step=60)
    assert one.figures.rate == 3.0


@pytest.mark.parametrize(
    ("step", "begins"),
    [
        (60, NOON + 7 * MINUTE),
        (300, NOON + 5 * MINUTE),
        (3600, NOON),
        (86_400, NOON.replace(hour=0)),
    ],
)
def test_steps_begin_at_the_same_moments_whenever_asked(step: float, begins: datetime) -> None:
    """They are counted from the epoch."""
    assert history.beginning(NOON + timedelta(minutes=7, seconds=59.999999), step) == begins
    assert history.beginning(begins, step) == begins

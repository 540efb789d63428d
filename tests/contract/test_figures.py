"""Figures of queues and tasks over time, by the clock of the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from soniq import Soniq
from soniq.clock import SystemClock
from soniq.errors import InvalidOption
from soniq.job import NewJob
from soniq.outcome import Complete, Outcome, Retry
from tests.conftest import MakeApp
from tests.support import FrozenClock
from tests.support.store import OOPS, claimed_job, new_job, settle

HOUR = 3600.0
MINUTE = 60.0


class LateClock(SystemClock):
    """The clock of a host that is a day behind."""

    def now(self) -> datetime:
        """Return yesterday."""
        return super().now() - timedelta(days=1)


async def ended(app: Soniq, job: NewJob, outcome: Outcome | None = None) -> None:
    """Run a job to its end."""
    await app.ensure_initialized()
    assert await settle(app.backend, await claimed_job(app.backend, job), outcome or Complete("1"))


async def test_nothing_yet(app: Soniq, clock: FrozenClock) -> None:
    """Without attempts there are zeros, no groups, and a series of zeros."""
    assert (await app.stats.total()).completed == 0
    assert await app.stats.by_queue() == {}
    assert await app.stats.by_task() == {}
    bins = await app.stats.series(window=600)
    first = clock.now() - timedelta(minutes=10)
    assert [one.at for one in bins] == [first + timedelta(minutes=n) for n in range(11)]
    assert {one.figures.completed for one in bins} == {0}


async def test_all_of_one_queue_or_by_groups(app: Soniq, clock: FrozenClock) -> None:
    """The same attempts, summed in four ways."""
    await ended(app, new_job(clock, "mail.send", queue="mail"))
    await ended(app, new_job(clock, "mail.send", queue="mail"), Retry(60, OOPS))
    await ended(app, new_job(clock, "shop.pay", queue="shop"))
    clock.advance(minutes=1)
    total = await app.stats.total(window=60)
    assert (total.completed, total.failed, total.rate) == (2, 1, 2 / 60)
    assert total.wait_p95 == pytest.approx(0.001, abs=0.001)
    mail = await app.stats.total(window=60, queue="mail")
    assert (mail.completed, mail.failed) == (1, 1)
    by_queue = await app.stats.by_queue(window=60)
    assert {name: (one.completed, one.failed) for name, one in by_queue.items()} == {
        "mail": (1, 1),
        "shop": (1, 0),
    }
    assert list(await app.stats.by_task(window=60)) == ["mail.send", "shop.pay"]


async def test_a_window_ends_now(app: Soniq, clock: FrozenClock) -> None:
    """What ends this very moment is in it; what ended before the minute it begins in is not."""
    await ended(app, new_job(clock))
    clock.advance(hours=1, seconds=59)
    await ended(app, new_job(clock))
    assert (await app.stats.total(window=HOUR)).completed == 2
    clock.advance(seconds=1)
    assert (await app.stats.total(window=HOUR)).completed == 1


async def test_a_series_of_one_task(app: Soniq, clock: FrozenClock) -> None:
    """Every step is there, and what ended stands in its own."""
    await ended(app, new_job(clock, "mail.send", queue="mail"))
    clock.advance(minutes=2)
    await ended(app, new_job(clock, "mail.send", queue="other"))
    await ended(app, new_job(clock, "shop.pay", queue="mail"))
    clock.advance(minutes=1, seconds=30)
    bins = await app.stats.series(window=240, name="mail.send")
    assert [one.figures.completed for one in bins] == [0, 1, 0, 1, 0]
    bins = await app.stats.series(window=240, name="mail.send", queue="mail")
    assert [one.figures.completed for one in bins] == [0, 1, 0, 0, 0]
    halves = await app.stats.series(window=240, step=120)
    assert [one.figures.completed for one in halves] == [0, 1, 2]


@pytest.mark.parametrize("step", [60.0, 600.0])
async def test_a_summary_is_what_each_says(
    app: Soniq, clock: FrozenClock, step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all, by queue, step by step: one read, and one more where steps begin earlier."""
    for queue in ("mail", "shop", "shop"):
        await ended(app, new_job(clock, queue=queue))
        clock.advance(minutes=7)
    window = 960.0  # the first step of ten minutes begins before it, with a job of its own in it
    stats = app.stats
    expected = (
        await stats.total(window=window),
        await stats.by_queue(window=window),
        await stats.series(window=window, step=step),
    )
    reads: list[object] = []
    rollups = app.backend.stats.rollups

    async def counted(**options: Any) -> Any:
        reads.append(options)
        return await rollups(**options)

    monkeypatch.setattr(app.backend.stats, "rollups", counted)
    assert await stats.summary(window=window, step=step) == expected
    assert len(reads) == (2 if step > MINUTE else 1)
    assert (expected[0].completed, list(expected[1])) == (2, ["shop"])
    assert sum(one.figures.completed for one in expected[2]) == (3 if step > MINUTE else 2)


async def test_the_window_is_by_the_clock_of_the_database(make_app: MakeApp) -> None:
    """The one who reads may have a clock that is a day late: it dates nothing, so it finds all."""
    app = make_app(LateClock())
    await ended(app, new_job(app.clock))
    assert (await app.stats.total(window=1)).completed == 1


async def test_what_can_not_be_shown_is_refused(app: Soniq) -> None:
    """A window of nothing, steps of seconds, more steps than anyone can look at."""
    with pytest.raises(InvalidOption, match="from 1 to"):
        await app.stats.total(window=0)
    with pytest.raises(InvalidOption, match="whole minutes"):
        await app.stats.series(step=90)
    with pytest.raises(InvalidOption, match="longer"):
        await app.stats.series(window=86_400 * 30, step=60)

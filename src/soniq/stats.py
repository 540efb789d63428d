"""What ``app.stats`` is: figures of queues and tasks over time, and facts about the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from soniq import figures, history
from soniq.backends.contract import Backend
from soniq.backends.operator_contract import DatabaseFacts
from soniq.errors import InvalidOption
from soniq.figures import Bin, Figures
from soniq.history import Rollup

MINUTE = 60.0
HOUR = 3600.0
LONGEST = 366 * 86_400.0
MOST_STEPS = 10_000


class Span(NamedTuple):
    """The minutes from one moment to another."""

    since: datetime
    now: datetime

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return (self.now - self.since).total_seconds()


class Summary(NamedTuple):
    """The figures of one while: of all, of every queue, and step by step."""

    total: Figures
    by_queue: Mapping[str, Figures]
    series: Sequence[Bin]


class Stats:
    """Reads rollups and counters; never counts the rows of jobs."""

    def __init__(self, backend: Backend, *, ready: Callable[[], Awaitable[None]]) -> None:
        self._backend = backend
        self._ready = ready

    async def now(self) -> datetime:
        """Return the present moment by the database's clock, which dates all that is kept."""
        await self._ready()
        return await self._backend.schedules.now()

    async def total(self, *, window: float = HOUR, queue: str | None = None) -> Figures:
        """Return the figures of the last ``window`` seconds, of all queues or one.

        Attempts are counted by the minute: that in which the window begins is in it as a whole, and
        the rate is by the seconds that were looked at.

        Raises:
            InvalidOption: ``window`` is not from 1 second to 366 days.
        """
        span = await self._span(window)
        found = await self._rollups(span, queue=queue, step=LONGEST)
        return figures.summed(found, seconds=span.seconds)

    async def by_queue(self, *, window: float = HOUR) -> dict[str, Figures]:
        """Return the figures of the last ``window`` seconds of every queue, sorted by name.

        A queue in which no attempt ended is not there.
        """
        span = await self._span(window)
        found = await self._rollups(span, step=LONGEST)
        return figures.grouped(found, lambda one: one.queue, seconds=span.seconds)

    async def by_task(self, *, window: float = HOUR) -> dict[str, Figures]:
        """Return the figures of the last ``window`` seconds of every task, sorted by name.

        A task of which no attempt ended is not there.
        """
        span = await self._span(window)
        found = await self._rollups(span, step=LONGEST, by_name=True)
        return figures.grouped(found, lambda one: one.job_name, seconds=span.seconds)

    async def arrivals(self, *, window: float = MINUTE) -> dict[str, float] | None:
        """Return how many jobs a second were enqueued in the last ``window`` seconds, by queue.

        Sorted; a queue into which none came is not there. Scheduled jobs and replays count when
        they are enqueued, retries don't. No more than the newest 10,000 jobs are read: where more
        came, the rates are those of the while in which these did. None where that can't be told:
        jobs that are done are not kept as long as that (``result_ttl``).

        Raises:
            InvalidOption: ``window`` is not from 1 second to 1 hour.
        """
        if not 1 <= window <= HOUR:
            message = f"window={window!r}: give seconds, from 1 to {HOUR:.0f} (an hour)."
            raise InvalidOption(message)
        now = await self.now()
        since = now - timedelta(seconds=window)
        found = await self._backend.stats.arrivals(since=since)
        if found.kept_since is None or found.kept_since > since:
            ended = Span(since - timedelta(seconds=HOUR), history.beginning(since, MINUTE))
            earlier = await self._backend.stats.rollups(since=ended.since, until=ended.now)
            if figures.summed(earlier, seconds=ended.seconds).completed:
                return None  # what was done before is gone: so may be what came since
        return found.rates(now)

    async def series(
        self,
        *,
        window: float = HOUR,
        step: float = MINUTE,
        queue: str | None = None,
        name: str | None = None,
    ) -> list[Bin]:
        """Return the figures of each ``step`` (whole minutes) of the last ``window`` seconds.

        Oldest first, without gaps: a step in which nothing ended is there with zeros. Steps are
        counted from the epoch, so that those of one call are those of the next: the first one may
        begin before the window, and the last one is still under way.

        Raises:
            InvalidOption: ``window`` or ``step`` is out of range, or there would be too many steps.
        """
        check_step(window, step)
        span = await self._span(window, step)
        found = await self._rollups(span, queue=queue, name=name, step=step)
        return figures.series(found, since=span.since, now=span.now, step=step)

    async def summary(self, *, window: float = HOUR, step: float = MINUTE) -> Summary:
        """Return what ``total``, ``by_queue`` and ``series`` return, read once for all three.

        Raises:
            InvalidOption: as ``series`` does.
        """
        check_step(window, step)
        steps = await self._span(window, step)
        # The first step may begin before the window does: its minutes are told apart.
        since = history.beginning(steps.now - timedelta(seconds=window), MINUTE)
        found: list[Rollup] = []
        if steps.since < since:
            edge = steps.since + timedelta(seconds=step)
            found = await self._rollups(Span(steps.since, edge - figures.MINUTE), step=MINUTE)
            found += await self._rollups(Span(edge, steps.now), step=step)
        else:
            found = await self._rollups(steps, step=step)
        within = [one for one in found if one.minute >= since]
        seconds = Span(since, steps.now).seconds
        return Summary(
            figures.summed(within, seconds=seconds),
            figures.grouped(within, lambda one: one.queue, seconds=seconds),
            figures.series(found, since=steps.since, now=steps.now, step=step),
        )

    async def database(self) -> DatabaseFacts:
        """Return what is known of the database itself."""
        await self._ready()
        return await self._backend.stats.database()

    async def _span(self, window: float, step: float = MINUTE) -> Span:
        """Return the last seconds by the clock of the database, which dates what ends."""
        if not 1 <= window <= LONGEST:
            message = f"window={window!r}: give seconds, from 1 to {LONGEST:.0f} (366 days)."
            raise InvalidOption(message)
        now = await self.now()
        return Span(history.beginning(now - timedelta(seconds=window), step), now)

    async def _rollups(
        self,
        span: Span,
        *,
        step: float,
        queue: str | None = None,
        name: str | None = None,
        by_name: bool = False,
    ) -> list[Rollup]:
        # What ends while this is read belongs to the last minute, too.
        until = span.now + figures.MINUTE
        return await self._backend.stats.rollups(
            since=span.since, until=until, queue=queue, job_name=name, step=step, by_name=by_name
        )


def check_step(window: float, step: float) -> None:
    """Raise InvalidOption unless a window can be shown in such steps."""
    if step < MINUTE or step % MINUTE:
        message = f"step={step!r}: give whole minutes in seconds, such as 60 or 300."
        raise InvalidOption(message)
    if window / step > MOST_STEPS:
        message = (
            f"window={window!r} in steps of {step!r} s are more than {MOST_STEPS:,} steps: "
            "make the steps longer or the window shorter."
        )
        raise InvalidOption(message)

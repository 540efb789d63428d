"""Keep what has become of attempts: their number by the minute, and the bad ends."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from functools import cache
from sqlite3 import Connection
from typing import NamedTuple

from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import json_list, moment, text
from soniq.history import KEPT, Group, Tally, minute_of
from soniq.outcome import Failure, storable

Facts = dict[str, str | int | float | None]


class Run(NamedTuple):
    """An attempt that has ended; ``started_at`` as it stands in the file."""

    job_id: str
    fence: int
    attempt: int
    due: datetime
    started_at: str


class Ends:
    """The ends of attempts that one transaction writes; ``write`` adds them up in it."""

    def __init__(self, now: datetime, *, counting: bool) -> None:
        self._now = now
        self._counting = counting
        self._tallies: dict[Group, Tally] = {}
        self._attempts: list[Facts] = []
        # Jobs that were claimed together have one start.
        self._moment = cache(moment)

    def count(self, group: Group, due: datetime, started_at: str | None) -> None:
        """Count an end; one without a start was no attempt."""
        if not self._counting:
            return
        tally = self._tallies.get(group)
        if tally is None:
            tally = self._tallies[group] = Tally()
        tally.add(due, self._moment(started_at) if started_at else None, self._now)

    def keep(self, run: Run, group: Group, failure: Failure | None) -> None:
        """Count the end of an attempt that did not end well, and keep it."""
        self.count(group, run.due, run.started_at)
        self._attempts.append(
            {
                "id": run.job_id,
                "fence": run.fence,
                "attempt": run.attempt,
                "worker_id": group.worker_id,
                "outcome": group.outcome,
                "started_at": run.started_at,
                "finished_at": text(self._now),
                "error": storable(failure.summary) if failure else None,
                "traceback": storable(failure.traceback) if failure and failure.traceback else None,
                "kept": KEPT,
            }
        )

    def write(self, connection: Connection) -> None:
        """Write all that was counted and kept."""
        connection.executemany(sql("history/keep_attempt"), self._attempts)
        long_lived = [facts for facts in self._attempts if int(facts["fence"] or 0) > KEPT]
        connection.executemany(sql("history/trim"), long_lived)
        connection.executemany(sql("history/roll_up"), self.rollups())

    def rollups(self) -> list[Facts]:
        """Return the parameters of ``history/roll_up`` for what was counted."""
        minute = text(minute_of(self._now))
        return [
            {
                "minute": minute,
                "worker_id": group.worker_id,
                "queue": group.queue,
                "job_name": group.job_name,
                "outcome": group.outcome,
                "count": tally.count,
                "wait_seconds": tally.wait_seconds,
                "run_seconds": tally.run_seconds,
                "waits": json.dumps(tally.waits),
                "runs": json.dumps(tally.runs),
            }
            for group, tally in self._tallies.items()
        ]


def forget(connection: Connection, job_ids: Collection[str]) -> None:
    """Drop the attempts of jobs that are gone, unless something else of their id needs them."""
    connection.execute(sql("history/forget"), {"ids": json_list(job_ids)})

"""Take the jobs that come next from the heaps of ``Tables``."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from datetime import datetime

from soniq.backends.contract import Queues
from soniq.backends.memory.tables import JobRow, Place, Tables
from soniq.standing import Ahead

Head = tuple[int, datetime, str, str]  # priority, scheduled_at, id: the order of claims; queue


class Walk:
    """One claim: jobs of tasks in ``unknown`` are set aside and put back at its end."""

    def __init__(self, tables: Tables, unknown: Collection[str], now: datetime | None) -> None:
        self._tables = tables
        self._unknown = frozenset(unknown)
        self._now = now
        self._aside: list[JobRow] = []

    def take(self, queues: Queues, *, limit: int, worker: str, now: datetime) -> list[JobRow]:
        """Take up to ``limit`` due jobs over all of the queues, in the order of claims."""
        heads = [head for queue in served(self._tables, queues) if (head := self.head(queue))]
        heapq.heapify(heads)
        taken: list[JobRow] = []
        while heads and len(taken) < limit:
            priority, _, job_id, queue = heads[0]
            heap = self._tables.waiting[queue][priority]
            heapq.heappop(heap)
            row = self._tables.jobs[job_id]
            self._tables.take(row, worker, now)
            taken.append(row)
            # Nearly always the next one of the same priority; only else look at the whole queue.
            place = self.known(queue, priority, heap)
            following = (priority, *place, queue) if place else self.head(queue)
            if following:
                heapq.heapreplace(heads, following)
            else:
                heapq.heappop(heads)
        self.put_back()
        return taken

    def due_at(self, queues: Queues) -> datetime | None:
        """Return when the next queued job is due, None if there is none."""
        moments = [
            place[0]
            for queue in served(self._tables, queues)
            for priority, heap in self._tables.levels(queue)
            if (place := self.known(queue, priority, heap))
        ]
        self.put_back()
        return min(moments, default=None)

    def head(self, queue: str) -> Head | None:
        """Return the due job of a queue that comes next; it is at the top of its heap."""
        for priority, heap in self._tables.levels(queue):
            place = self.known(queue, priority, heap)
            if place:
                return priority, *place, queue
        return None

    def known(self, queue: str, priority: int, heap: list[Place]) -> Place | None:
        """Return the top of a heap, past what is unknown or has gone; None if it is not due."""
        while heap and (self._now is None or heap[0][0] <= self._now):
            place = heap[0]
            if self._tables.stands(place, queue, priority):
                row = self._tables.jobs[place[1]]
                if row.job_name not in self._unknown:
                    return place
                self._aside.append(row)
            heapq.heappop(heap)
        return None

    def put_back(self) -> None:
        """Return to the heaps what was set aside."""
        for row in self._aside:
            self._tables.line_up(row)
        self._aside.clear()


def served(tables: Tables, queues: Queues) -> list[str]:
    """Return the queues to claim from, each once, none that is paused; for None all there are."""
    named = tables.waiting if queues is None else dict.fromkeys(queues)
    return [queue for queue in named if queue not in tables.paused]


def ahead(tables: Tables, row: JobRow, *, now: datetime, bound: int) -> Ahead:
    """Return how many due jobs of its queue come before a QUEUED one in the order of claims."""
    number = 0
    own = (row.priority, row.scheduled_at, row.id)
    for priority, heap in tables.levels(row.queue):
        if priority > row.priority:
            break
        # A job may have left an old place behind, but stands in one only.
        number += len(
            {
                place
                for place in heap
                if place[0] <= now
                and (priority, *place) < own
                and tables.stands(place, row.queue, priority)
            }
        )
    return Ahead.counted(number, bound)

"""Jobs that will not run again by themselves: look, group, replay, delete."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from soniq import paging
from soniq.backends.contract import Backend
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.errors import DatabaseError, InvalidOption, JobNotFound
from soniq.failures import Groupings, Groups
from soniq.job import DeadLetter
from soniq.jobs import Told, check_cursor, check_page, read_search
from soniq.matching import Matching, Waiting, oldest, reader
from soniq.rouse import rouse
from soniq.search import Found, JobSearch, Preview

logger = logging.getLogger("soniq")
# So many burials are looked at in one go.
SLICE = 200


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """How many dead letters there are of one task in one queue for one reason."""

    queue: str
    job_name: str
    reason: str
    count: int


class DeadLetters:
    """What ``app.dead_letter`` is."""

    def __init__(
        self, backend: Backend, *, clock: Clock, ready: Callable[[], Awaitable[None]]
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._ready = ready

    async def list(
        self,
        *,
        queue: str | None = None,
        name: str | None = None,
        reason: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[DeadLetter]:
        """Return dead letters, the latest first.

        Raises:
            InvalidOption: a limit or offset out of range.
        """
        check_page(limit, offset)
        await self._ready()
        return await self._backend.dead_letters.find(
            queue=queue, name=name, reason=reason, limit=limit, offset=offset
        )

    async def search(
        self,
        search: JobSearch | str = "",
        *,
        fingerprint: str | None = None,
        replayed: bool | None = None,
        older_than: float | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Found[DeadLetter]:
        """Return up to ``limit`` dead letters that match, newest job first, after the id ``after``.

        ``search``: conditions, or words as ``parse_search`` takes them. ``fingerprint``: that of a
        group of ``groups()``. ``replayed``: only those that were replayed (True), or never (False).
        ``older_than``: only those that ended at least so many seconds ago.
        A page may hold fewer than match, even none, because as many rows as may be had been looked
        at: as long as it has a ``next``, give that as ``after`` to go on.

        Raises:
            InvalidSearch: a word that means nothing.
            InvalidOption: a limit or an age out of range, or an ``after`` that is no id.
        """
        matching = Matching(read_search(search), fingerprint, replayed)
        check_age(older_than)
        check_page(limit, 0)
        check_cursor(after)
        await self._ready()
        store = self._backend.dead_letters
        matching = await self._dated(matching, older_than)
        if matching.is_search:
            return await store.search(matching.search, limit=limit, after=after)
        return await paging.one_page(reader(matching, store), limit=limit, after=after)

    async def groups(self, *, limit: int = 10_000) -> Groups:
        """Return which failures there are, the most frequent first.

        Made of the latest ``limit`` dead letters: see ``Groups.complete``.
        """
        check_page(limit, 0)
        await self._ready()
        burials = await self._backend.dead_letters.burials(limit=limit + 1)
        complete = len(burials) <= limit
        del burials[limit:]
        groupings = Groupings()
        for start in range(0, len(burials), SLICE):
            groupings.add(burials[start : start + SLICE])
            await asyncio.sleep(0)  # ten thousand errors take a second: others may go on meanwhile
        return Groups(groupings.groups(), len(burials), complete)

    async def preview(
        self,
        search: JobSearch | str | None = None,
        *,
        fingerprint: str | None = None,
        replayed: bool | None = None,
        older_than: float | None = None,
        limit: int = 10_000,
    ) -> Preview[DeadLetter]:
        """Count the dead letters that match, and show five: what deleting them would meet.

        Replaying meets those with ``replayed=False``. Counts up to ``limit``, and within the newest
        million: see ``Preview.exact``.
        """
        read = self._reader(search, fingerprint, replayed, older_than=older_than)
        return await paging.preview(read, limit=limit)

    async def get(self, job_id: str) -> DeadLetter | None:
        """Return the dead letter of the job that had this id, or None."""
        await self._ready()
        return await self._backend.dead_letters.get(str(job_id))

    async def replay(self, job_id: str) -> str:
        """Queue it again as a new job with a fresh budget and return the new id; keep the record.

        Raises:
            JobNotFound: there is no such dead letter.
        """
        await self._ready()
        new_id = self._clock.new_id()
        if not await self._backend.dead_letters.replay(str(job_id), new_id=new_id):
            message = f"No dead letter {job_id}: see app.dead_letter.list() for those there are."
            raise JobNotFound(message)
        await self._rouse(new_id)
        return new_id

    async def replay_many(
        self,
        *,
        queue: str | None = None,
        name: str | None = None,
        reason: str | None = None,
        limit: int = 100,
    ) -> builtins.list[str]:
        """Replay up to ``limit`` matching dead letters that never were, and return the new ids.

        Those that were replayed before are left alone: replay them one by one.
        """
        check_page(limit, 0)
        await self._ready()
        waiting = await self._backend.dead_letters.find(
            queue=queue, name=name, reason=reason, replayed=False, limit=limit
        )
        return [await self.replay(letter.id) for letter in waiting]

    async def replay_matching(
        self,
        search: JobSearch | str | None = None,
        *,
        fingerprint: str | None = None,
        older_than: float | None = None,
        first: int | None = None,
        told: Told | None = None,
    ) -> builtins.list[str]:
        """Replay all that match and never were replayed, the oldest first; return the new ids.

        ``older_than``: only those that ended at least so many seconds ago. ``first``: only the so
        many oldest ones, to see what becomes of them. ``told`` hears again and again how many it
        were so far. Whoever else replays them meanwhile, each is replayed
        once; so after an error the same call goes on where it has stopped. Those that are buried or
        deleted meanwhile are left alone.

        Raises:
            InvalidOption: neither a search nor a fingerprint nor an age (``""`` matches all), or
                ``first`` below 1.
        """
        if first is not None and first < 1:
            message = f"first={first}: give the number to begin with, 1 or more."
            raise InvalidOption(message)
        read = self._reader(search, fingerprint, replayed=False, older_than=older_than)
        waiting = await oldest(read, first)
        new_ids: builtins.list[str] = []
        for start in range(0, len(waiting), paging.AT_ONCE):
            new_ids += await self._replay_together(waiting[start : start + paging.AT_ONCE])
            if told is not None:
                told(len(new_ids))
        return new_ids

    async def delete_matching(
        self,
        search: JobSearch | str | None = None,
        *,
        fingerprint: str | None = None,
        older_than: float | None = None,
        told: Told | None = None,
    ) -> int:
        """Delete all that match, newest first; return how many.

        ``older_than``: only those that ended at least so many seconds ago. ``told`` hears after
        every page how many it were so far.

        Raises:
            InvalidOption: neither a search nor a fingerprint nor an age; ``""`` matches all.
        """

        async def delete(letter: DeadLetter) -> bool:
            return await self._backend.dead_letters.delete(letter.id)

        read = self._reader(search, fingerprint, older_than=older_than)
        return await paging.act_on_all(read, delete, told=told)

    async def delete(self, job_id: str) -> bool:
        """Delete one dead letter; tell whether there was one."""
        await self._ready()
        return await self._backend.dead_letters.delete(str(job_id))

    async def purge(
        self, older_than: float = 0.0, *, queue: str | None = None, name: str | None = None
    ) -> int:
        """Delete those that ended more than ``older_than`` seconds ago; return how many."""
        await self._ready()
        return await self._backend.dead_letters.purge(older_than=older_than, queue=queue, name=name)

    async def stats(self) -> builtins.list[DeadLetterCount]:
        """Return the numbers per queue, task and reason, sorted.

        They are those of the latest 100,000: no more are counted, however many there are.
        """
        await self._ready()
        return [DeadLetterCount(*row) for row in await self._backend.dead_letters.count()]

    def _reader(
        self,
        search: JobSearch | str | None,
        fingerprint: str | None,
        replayed: bool | None = None,  # noqa: FBT001 - three values, given by name
        *,
        older_than: float | None,
    ) -> paging.Reader[DeadLetter]:
        if search is None and fingerprint is None and older_than is None:
            message = 'Say which: give a search, a fingerprint or an age; a search "" matches all.'
            raise InvalidOption(message)
        check_age(older_than)
        matching = Matching(read_search(search or ""), fingerprint, replayed)
        begun: builtins.list[paging.Reader[DeadLetter]] = []

        async def read(limit: int, after: str | None) -> Found[DeadLetter]:
            await self._ready()
            if not begun:
                # What grows old enough while the pages are read is not met.
                dated = await self._dated(matching, older_than)
                begun.append(reader(dated, self._backend.dead_letters))
            return await begun[0](limit, after)

        return read

    async def _dated(self, matching: Matching, older_than: float | None) -> Matching:
        """Return what means only those that ended so long ago, by the database's clock."""
        if older_than is None:
            return matching
        now = await self._backend.schedules.now()
        return replace(matching, ended_until=later(now, -older_than))

    async def _replay_together(self, waiting: Sequence[Waiting]) -> builtins.list[str]:
        """Replay some at once; an error is raised when all have been tried."""
        store = self._backend.dead_letters
        new_ids = self._clock.new_ids(len(waiting))
        replays = (
            store.replay(letter.id, new_id=new_id, once=True)
            for letter, new_id in zip(waiting, new_ids, strict=True)
        )
        results = await asyncio.gather(*replays, return_exceptions=True)
        if True in results:
            await rouse(self._backend.wakeups, {letter.queue for letter in waiting})
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [new_id for new_id, done in zip(new_ids, results, strict=True) if done]

    async def _rouse(self, job_id: str) -> None:
        try:
            job = await self._backend.jobs.get(job_id)
        except DatabaseError:
            logger.debug("A wake-up was lost; workers will poll.", exc_info=True)
        else:
            await rouse(self._backend.wakeups, [] if job is None else [job.queue])


def check_age(older_than: float | None) -> None:
    """Raise InvalidOption unless an age is one."""
    if older_than is not None and not older_than >= 0:  # what is no number is not, either
        message = f"older_than={older_than!r}: give seconds, 0 or more."
        raise InvalidOption(message)

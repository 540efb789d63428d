"""What services return, without what is secret: the only way in which pages and API read it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TypeVar

from soniq import paging
from soniq.app import Soniq
from soniq.dashboard.masks import check_search, is_open, may_tell
from soniq.dashboard.shared import Shared
from soniq.failures import Groups
from soniq.history import AuditEntry, PastAttempt
from soniq.job import DeadLetter, Job
from soniq.jobs import read_search
from soniq.matching import fingerprint_of
from soniq.redact import Redactor
from soniq.schedule import Schedule
from soniq.search import Found, JobSearch, Preview
from soniq.why import Why

T = TypeVar("T", Job, DeadLetter)

# To group ten thousand errors takes a second.
FAILURES_SECONDS = 5.0
# A preview counts no further.
MOST_COUNTED = 10_000


class Reading:
    """Reads for people: arguments, results, errors and notes pass the redactor, all of them here.

    Methods are called as those of the services that they read from, and raise what those raise.
    """

    def __init__(self, soniq: Soniq, redactor: Redactor) -> None:
        self._soniq = soniq
        self._redact = redactor
        self._groups = Shared(soniq.dead_letter.groups, FAILURES_SECONDS, soniq.clock)

    async def job(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        found = await self._soniq.jobs.get(job_id)
        return found and self._redact.row(found)

    def wanted(self, search: JobSearch | str) -> JobSearch:
        """Return the conditions that are given, or spelled.

        Raises:
            InvalidSearch: a word that means nothing, or one about what is masked.
        """
        wanted = read_search(search)
        check_search(wanted, self._redact)
        return wanted

    async def jobs(
        self, search: JobSearch | str, *, limit: int, after: str | None = None
    ) -> Found[Job]:
        """Return a page of jobs, newest first: of those that are found by what may be seen."""
        wanted = self.wanted(search)
        if not may_tell(wanted):
            return self._page(await self._soniq.jobs.search(wanted, limit=limit, after=after))
        return self._page(await paging.one_page(self.matching(wanted), limit=limit, after=after))

    def matching(self, search: JobSearch | str) -> paging.Reader[Job]:
        """Return what reads, page by page and nothing left out, the jobs that are found."""
        wanted = self.wanted(search)

        async def read(limit: int, after: str | None) -> Found[Job]:
            return await self._soniq.jobs.search(wanted, limit=limit, after=after)

        return paging.filtered(read, partial(is_open, wanted, redactor=self._redact))

    async def preview(self, search: JobSearch | str) -> Preview[Job]:
        """Return what an action on all that match would meet."""
        found = await paging.preview(self.matching(search), limit=MOST_COUNTED)
        return replace(found, sample=[self._redact.row(job) for job in found.sample])

    async def running(self) -> list[Job]:
        """Return the jobs that run."""
        return [self._redact.row(job) for job in await self._soniq.workers.running()]

    async def attempts(self, job_id: str) -> list[PastAttempt]:
        """Return the attempts of a job that did not end well."""
        return [self._redact.row(one) for one in await self._soniq.jobs.attempts(job_id)]

    async def why(self, job_id: str) -> Why:
        """Return why a job is where it is."""
        found = await self._soniq.jobs.why(job_id)
        sentence, facts = self._redact.text(found.sentence), self._redact.value(found.facts)
        return replace(found, sentence=sentence, facts=facts)

    async def letter(self, job_id: str) -> DeadLetter | None:
        """Return a dead letter, or None."""
        found = await self._soniq.dead_letter.get(job_id)
        return found and self._redact.row(found)

    async def kind_of(self, job_id: str) -> str:
        """Return the fingerprint of a dead letter; nothing where there is none."""
        found = await self._soniq.dead_letter.get(job_id)
        return fingerprint_of(found) if found else ""

    async def letters(
        self,
        search: JobSearch | str = "",
        *,
        fingerprint: str | None = None,
        limit: int,
        after: str | None = None,
    ) -> Found[DeadLetter]:
        """Return a page of dead letters, newest job first; see ``jobs``."""
        wanted, letters = self.wanted(search), self._soniq.dead_letter

        async def read(limit: int, after: str | None) -> Found[DeadLetter]:
            return await letters.search(wanted, fingerprint=fingerprint, limit=limit, after=after)

        if not may_tell(wanted):
            return self._page(await read(limit, after))
        found = paging.filtered(read, partial(is_open, wanted, redactor=self._redact))
        return self._page(await paging.one_page(found, limit=limit, after=after))

    async def failures(self) -> Groups:
        """Return which failures there are, as of a few seconds ago."""
        found = await self._groups.get()
        return found._replace(items=[self._redact.row(group) for group in found.items])

    async def schedules(self) -> list[Schedule]:
        """Return all schedules."""
        return [self._schedule(one) for one in await self._soniq.scheduler.list()]

    async def schedule(self, name: str) -> Schedule | None:
        """Return the schedule of a task, or None."""
        found = await self._soniq.scheduler.get(name)
        return found and self._schedule(found)

    async def audit(self, *, limit: int, before: str | None = None) -> list[AuditEntry]:
        """Return what people did, the latest first."""
        entries = await self._soniq.audit.list(limit=limit, before=before)
        # A target may be a search, and that may be one for a secret.
        return [
            replace(self._redact.row(entry), target=self._redact.text(entry.target))
            for entry in entries
        ]

    def forget(self) -> None:
        """Have everything read anew: somebody has just changed it."""
        self._groups.forget()

    def _page(self, found: Found[T]) -> Found[T]:
        return found._replace(items=[self._redact.row(row) for row in found.items])

    def _schedule(self, schedule: Schedule) -> Schedule:
        return replace(schedule, args=self._redact.args(schedule.name, schedule.args))

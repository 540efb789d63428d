"""What the reading commands of ``soniq dead-letter`` do with an open app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import typer

from soniq.cli import render
from soniq.cli.redaction import redactor_of
from soniq.errors import JobNotFound

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.cli.dead_letter_choice import Choice
    from soniq.failures import Groups
    from soniq.history import PastAttempt
    from soniq.job import DeadLetter
    from soniq.search import Found

PAGE = 500


async def find(app: Soniq, job_id: str) -> DeadLetter:
    """Return the dead letter; JobNotFound, with where to look instead, if there is none."""
    letter = await app.dead_letter.get(job_id)
    if letter is not None:
        return letter
    hint = "`soniq dead-letter list` shows those there are."
    if await app.get_job(job_id) is not None:
        hint = f"The job lives: see `soniq jobs show {job_id}`."
    message = f"No dead letter {job_id}. {hint}"
    raise JobNotFound(message)


async def look(
    app: Soniq, job_id: str, *, reveal: bool
) -> tuple[dict[str, Any], list[PastAttempt]]:
    """Return all facts of a dead letter, with the failure that it is, and its attempts."""
    from soniq.matching import fingerprint_of  # noqa: PLC0415 - not before a command runs

    redactor = redactor_of(app, reveal=reveal)
    letter = await find(app, job_id)
    facts = {**redactor.row(letter), "fingerprint": fingerprint_of(letter)}
    return facts, [redactor.row(one) for one in await app.jobs.attempts(letter.id)]


async def groups(app: Soniq, *, reveal: bool) -> Groups:
    """Return which failures there are."""
    redactor = redactor_of(app, reveal=reveal)
    found = await app.dead_letter.groups()
    return found._replace(items=[redactor.row(group) for group in found.items])


async def latest(
    app: Soniq, choice: Choice, limit: int, offset: int, *, reveal: bool
) -> list[DeadLetter]:
    """Return letters by queue, name and reason, the latest end first."""
    search = choice.search
    found = await app.dead_letter.list(
        queue=search.queue, name=search.name, reason=search.reason, limit=limit, offset=offset
    )
    redactor = redactor_of(app, reveal=reveal)
    return [redactor.row(letter) for letter in found]


async def newest(
    app: Soniq, choice: Choice, limit: int, after: str | None, *, reveal: bool
) -> Found[DeadLetter]:
    """Return a page of ``limit`` letters, the newest job first, however many are looked at."""
    read = app.dead_letter.search
    page = await read(
        choice.search,
        fingerprint=choice.fingerprint,
        older_than=choice.older_than,
        limit=limit,
        after=after,
    )
    while page.next is not None and len(page.items) < limit:
        more = await read(
            choice.search,
            fingerprint=choice.fingerprint,
            older_than=choice.older_than,
            limit=limit - len(page.items),
            after=page.next,
        )
        looked_at = page.looked_at + more.looked_at
        page = more._replace(items=page.items + more.items, looked_at=looked_at)
    redactor = redactor_of(app, reveal=reveal)
    return page._replace(items=[redactor.row(letter) for letter in page.items])


async def export(app: Soniq, choice: Choice, *, redact: bool) -> int:
    """Print every letter that is meant as a line of JSON and return their number."""
    redactor = redactor_of(app, reveal=not redact)
    number = 0
    async for letter in every(app, choice):
        typer.echo(render.to_json(redactor.row(letter)))
        number += 1
    return number


async def every(app: Soniq, choice: Choice) -> AsyncIterator[DeadLetter]:
    """Yield all that are meant, each once, page by page."""
    after: str | None = None
    while True:
        page = await app.dead_letter.search(
            choice.search,
            fingerprint=choice.fingerprint,
            older_than=choice.older_than,
            limit=PAGE,
            after=after,
        )
        for letter in page.items:
            yield letter
        after = page.next
        if after is None:
            return

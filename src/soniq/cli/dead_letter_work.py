"""What the commands of ``soniq dead-letter`` do with an open app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from soniq.cli import render
from soniq.cli.options import counted
from soniq.errors import JobNotFound

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.job import DeadLetter

PAGE = 1000


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


async def replayable(
    app: Soniq, *, queue: str | None, name: str | None, reason: str | None, limit: int
) -> list[str]:
    """Return the ids of up to ``limit`` matching dead letters that were never replayed."""
    ids: list[str] = []
    async for letter in every(app, queue=queue, name=name, reason=reason):
        if not letter.resurrection_count:
            ids.append(letter.id)
        if len(ids) == limit:
            break
    return ids


async def replay(app: Soniq, ids: Sequence[str], *, dry_run: bool) -> int:
    """Replay each, print the new ids, and return how many there were none of."""

    async def one(letter: DeadLetter) -> None:
        typer.echo(await app.dead_letter.replay(letter.id))

    return await for_each(app, ids, one, verbs=("replay", "Replayed"), dry_run=dry_run)


async def delete(app: Soniq, ids: Sequence[str], *, dry_run: bool) -> int:
    """Delete each and return how many there were none of."""

    async def one(letter: DeadLetter) -> None:
        await app.dead_letter.delete(letter.id)

    return await for_each(app, ids, one, verbs=("delete", "Deleted"), dry_run=dry_run)


async def for_each(
    app: Soniq,
    ids: Sequence[str],
    act: Callable[[DeadLetter], Awaitable[None]],
    *,
    verbs: tuple[str, str],
    dry_run: bool,
) -> int:
    """Act on each dead letter that there is, or only name it; return how many are missing."""
    missing = 0
    for job_id in ids:
        try:
            letter = await find(app, job_id)
            if dry_run:
                render.remark(f"Would {verbs[0]} {letter.id} ({letter.job_name}).")
            else:
                await act(letter)
        except JobNotFound as error:
            missing += 1
            render.remark(f"Error: {error}")
    if not dry_run:
        render.remark(f"{verbs[1]} {counted(len(ids) - missing, 'dead letter')}.")
    return missing


async def count(app: Soniq, older_than: float, *, queue: str | None, name: str | None) -> int:
    """Return how many dead letters ended more than ``older_than`` seconds ago."""
    limit = app.clock.now() - timedelta(seconds=older_than)
    letters = every(app, queue=queue, name=name, reason=None)
    return sum([letter.finished_at < limit async for letter in letters])


async def export(app: Soniq, *, queue: str | None, name: str | None, reason: str | None) -> int:
    """Print every matching dead letter as a line of JSON and return their number."""
    number = 0
    async for letter in every(app, queue=queue, name=name, reason=reason):
        typer.echo(render.to_json(letter))
        number += 1
    return number


async def every(
    app: Soniq, *, queue: str | None, name: str | None, reason: str | None
) -> AsyncIterator[DeadLetter]:
    """Yield all that match, each once, page by page."""
    seen: set[str] = set()
    offset = 0
    while True:
        page = await app.dead_letter.list(
            queue=queue, name=name, reason=reason, limit=PAGE, offset=offset
        )
        for letter in page:
            # A letter that arrives meanwhile shifts the pages: some would come twice.
            if letter.id not in seen:
                seen.add(letter.id)
                yield letter
        if len(page) < PAGE:
            return
        offset += PAGE


def letter_table(letters: Sequence[DeadLetter]) -> render.Table:
    """Return one line per dead letter."""
    columns = ("id", "task", "reason", "tries", "replays", "ended", "error")
    rows = [
        (
            letter.id,
            letter.job_name,
            letter.reason,
            letter.attempts,
            letter.resurrection_count,
            ended(letter),
            first_line(letter.last_error),
        )
        for letter in letters
    ]
    return render.Table(
        columns,
        rows,
        right=("tries", "replays"),
        folded=("task",),
        clipped=("error",),
        wide={"tries": 140, "replays": 140, "error": 110},
    )


def ended(letter: DeadLetter) -> object:
    """Return how long ago the last attempt ended; in a pipe the time."""
    if not render.on_terminal():
        return letter.finished_at
    return render.age(letter.finished_at, datetime.now(UTC))


def first_line(text: str | None) -> str | None:
    """Return the first line of an error."""
    return text.split("\n", 1)[0] if text else None

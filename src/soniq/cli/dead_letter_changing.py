"""What the changing commands of ``soniq dead-letter`` do with an open app, and note of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from soniq.cli import dead_letter_work as work
from soniq.cli import render
from soniq.cli.actor import actor
from soniq.cli.dead_letter_choice import Choice
from soniq.cli.options import counted
from soniq.cli.progress import Progress
from soniq.cli.redaction import redactor_of
from soniq.errors import JobNotFound

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.job import DeadLetter
    from soniq.search import Preview


async def replay(app: Soniq, ids: Sequence[str], *, dry_run: bool) -> int:
    """Replay each, print the new ids, and return how many there were none of."""

    async def one(letter: DeadLetter) -> None:
        new_id = await app.dead_letter.replay(letter.id)
        typer.echo(new_id)
        await note(app, "replay", letter.id, {"new_id": new_id})

    return await for_each(app, ids, one, verbs=("replay", "Replayed"), dry_run=dry_run)


async def delete(app: Soniq, ids: Sequence[str], *, dry_run: bool) -> int:
    """Delete each and return how many there were none of."""

    async def one(letter: DeadLetter) -> None:
        await app.dead_letter.delete(letter.id)
        await note(app, "delete", letter.id, {"task": letter.job_name})

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
            letter = await work.find(app, job_id)
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


async def preview(
    app: Soniq, choice: Choice, *, replayed: bool | None = None
) -> Preview[DeadLetter]:
    """Return what an action would meet."""
    seen = await app.dead_letter.preview(
        choice.search,
        fingerprint=choice.fingerprint,
        replayed=replayed,
        older_than=choice.older_than,
    )
    redactor = redactor_of(app)
    return dataclasses.replace(seen, sample=[redactor.row(letter) for letter in seen.sample])


async def replay_matching(app: Soniq, choice: Choice, first: int | None) -> None:
    """Replay all that are meant, or the first of them; print the new ids, say what comes next."""
    new_ids: list[str] = []
    with Progress("Replayed") as told:
        try:
            new_ids = await app.dead_letter.replay_matching(
                choice.search,
                fingerprint=choice.fingerprint,
                older_than=choice.older_than,
                first=first,
                told=told,
            )
        finally:
            detail = {"first": first, "new_ids": new_ids[:100]}
            await note_matching(app, "replay", choice, told.done, detail)
    for new_id in new_ids:
        typer.echo(new_id)
    render.remark(f"Replayed {counted(len(new_ids), 'dead letter')}.")
    if first is not None and new_ids:
        await advise(app, choice, new_ids[0])


async def advise(app: Soniq, choice: Choice, new_id: str) -> None:
    """Say how to see what becomes of the first ones, and how to go on."""
    job = await app.get_job(new_id)
    only = f" --name {job.job_name}" if job is not None else ""
    render.remark(
        f"See what becomes of them: `soniq jobs list{only}`; what fails again comes back to "
        "`soniq dead-letter list`.\n"
        f"Then replay the rest: `soniq dead-letter replay {choice.options}`"
    )


async def delete_matching(app: Soniq, choice: Choice, verb: str) -> None:
    """Delete all that are meant, and say how many it were; ``verb``: that of the note."""
    with Progress("Deleted") as told:
        try:
            await app.dead_letter.delete_matching(
                choice.search,
                fingerprint=choice.fingerprint,
                older_than=choice.older_than,
                told=told,
            )
        finally:
            await note_matching(app, verb, choice, told.done, {})
    render.remark(f"Deleted {counted(told.done, 'dead letter')}.")


async def note_matching(
    app: Soniq, verb: str, choice: Choice, number: int, detail: dict[str, Any]
) -> None:
    """Note what was done to all that match, if anything was."""
    if number:
        await note(app, verb, choice.words, {"count": number, **detail})


async def note(app: Soniq, verb: str, target: str, detail: dict[str, Any]) -> None:
    """Note who has done what, for ``soniq audit``."""
    await app.audit.note(actor(), f"dead_letters.{verb}", target, detail)

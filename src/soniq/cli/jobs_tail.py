"""``soniq jobs tail``: what starts and what ends, as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli import load, render
from soniq.cli.jobs_show import change_line
from soniq.cli.options import DatabaseUrl, Words, joined
from soniq.cli.redaction import Reveal, redactor_of

if TYPE_CHECKING:
    from soniq.app import Soniq

EVERY = 1.0  # seconds between two looks
AsLines = Annotated[bool, typer.Option("--jsonl", help="Print each change as a line of JSON.")]


def tail(
    search: Words = None,
    *,
    reveal: Reveal = False,
    as_lines: AsLines = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Follow which jobs start and end, until Ctrl-C."""
    load.run(
        database_url, lambda app: follow(app, joined(search), as_lines=as_lines, reveal=reveal)
    )


async def follow(app: Soniq, search: str, *, as_lines: bool, reveal: bool) -> None:
    """Print each change as a line, endlessly."""
    import asyncio  # noqa: PLC0415 - `soniq jobs --help` needs none of it

    redactor = redactor_of(app, reveal=reveal)
    follower = await app.jobs.follower(search)
    await follower.look()
    if render.on_terminal():
        render.remark("Following what starts and what ends. Ctrl-C to stop.")
    while True:
        await asyncio.sleep(EVERY)
        for change in map(redactor.row, await follower.look()):
            typer.echo(render.to_json(change) if as_lines else change_line(change))
        if follower.missed:
            render.remark("More has ended than can be told: some ends are left out.")

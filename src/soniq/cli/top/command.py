"""The command line of ``soniq top``."""

from __future__ import annotations

from typing import Annotated

import typer

from soniq.cli.options import AsJson, DatabaseUrl

Once = Annotated[bool, typer.Option("--once", help="Show how things stand now, and end.")]
Interval = Annotated[
    float, typer.Option("--interval", "-i", min=0.1, max=3600, help="Seconds between two looks.")
]


def top(
    database_url: DatabaseUrl = None,
    *,
    once: Once = False,
    interval: Interval = 1.0,
    as_json: AsJson = False,
) -> None:
    """Show queues, workers and running jobs as they are, every second; q ends it.

    In a pipe each look is a group of lines, or with --json one document a line.
    """
    # Imported late: `soniq --help` needs none of it and is to be quick.
    from soniq.cli.top import session  # noqa: PLC0415

    session.run(database_url, once=once, interval=interval, as_json=as_json)

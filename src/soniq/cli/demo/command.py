"""The command line of ``soniq demo``."""

from __future__ import annotations

from typing import Annotated

import typer

from soniq.cli.options import AsJson, DatabaseUrl


def demo(
    *,
    files: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many files (default: all).")
    ] = None,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Parse Python's standard library with jobs, and show what became of them.

    Some are scheduled, unique, flaky, doomed or endless, so that all there is can be seen.
    Stop it at any time: the next call goes on where this one ended.
    """
    # Imported late: `soniq --help` needs none of it and is to be quick.
    from soniq.cli.demo import session  # noqa: PLC0415

    session.run(database_url, files=files, as_json=as_json)

"""``soniq worker``."""

from __future__ import annotations

from typing import Annotated

import typer

from soniq.cli.options import DatabaseUrl, Target


def worker(
    target: Target = None,
    *,
    queues: Annotated[
        str | None, typer.Option(help="Queues to serve, such as mail,urgent (default: all).")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Jobs to run at a time (default: 10).")
    ] = None,
    run_once: Annotated[
        bool, typer.Option("--run-once", help="Run what is due, then end.")
    ] = False,
    with_scheduler: Annotated[
        bool, typer.Option("--with-scheduler", help="Fire recurring jobs, too.")
    ] = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Run jobs until SIGTERM or Ctrl-C; running jobs may end first, the rest goes back.

    A second signal gives everything back at once.
    """
    # Imported late: `soniq --help` needs none of it and is to be quick.
    from soniq.cli import worker_run  # noqa: PLC0415

    worker_run.run(
        target,
        queues=None if queues is None else split(queues),
        concurrency=concurrency,
        run_once=run_once,
        with_scheduler=with_scheduler,
        database_url=database_url,
    )


def split(text: str) -> list[str]:
    """Return the names between the commas."""
    return [part.strip() for part in text.split(",") if part.strip()]

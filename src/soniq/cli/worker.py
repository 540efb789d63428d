"""``soniq worker``."""

from __future__ import annotations

from typing import Annotated

import typer

from soniq.cli.exits import Exit, fail
from soniq.cli.options import DatabaseUrl


def worker(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODULE:APP]",
            help="Where the Soniq object is (default: SONIQ_APP, else in SONIQ_JOBS_MODULES).",
        ),
    ] = None,
    *,
    queues: Annotated[
        str | None, typer.Option(help="Queues to serve, such as mail,urgent (default: all).")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Jobs to run at a time (default: 10).")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Worker processes to run, each with all these options."),
    ] = None,
    max_jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Replace a worker process after so many jobs."),
    ] = None,
    max_rss: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="MIB", help="Replace a worker process that holds more MiB of memory."
        ),
    ] = None,
    run_once: Annotated[
        bool, typer.Option("--run-once", help="Run what is due, then end.")
    ] = False,
    database_url: DatabaseUrl = None,
    line: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run jobs until SIGTERM or Ctrl-C; running jobs may end first, the rest goes back.

    A second signal gives everything back at once.
    """
    recycles = max_jobs is not None or max_rss is not None
    if recycles and run_once:
        message = (
            "--max-jobs and --max-rss replace workers that go on; one with --run-once ends by "
            "itself: leave them away, or --run-once."
        )
        raise fail(message, Exit.USAGE)
    # Imported late: `soniq --help` needs none of it and is to be quick.
    if line is None and (processes is not None or recycles):
        from soniq.cli.supervisor.run import supervise  # noqa: PLC0415

        raise typer.Exit(supervise(processes or 1, run_once=run_once))
    from soniq.cli.stopping import ALONE, SUPERVISED, Stopping  # noqa: PLC0415
    from soniq.cli.supervisor.line import Line  # noqa: PLC0415

    # Before all that takes time: a signal is to be heeded from the start.
    stopping = Stopping(ALONE if line is None else SUPERVISED)
    from soniq.cli import worker_run  # noqa: PLC0415

    worker_run.run(
        target,
        queues=None if queues is None else split(queues),
        concurrency=concurrency,
        run_once=run_once,
        max_jobs=max_jobs,
        max_rss=max_rss,
        database_url=database_url,
        stopping=stopping,
        line=None if line is None else Line(line),
    )


def split(text: str) -> list[str]:
    """Return the names between the commas."""
    return [part.strip() for part in text.split(",") if part.strip()]

"""``soniq worker``."""

from __future__ import annotations

from typing import Annotated

import typer

from soniq.cli.exits import Exit, fail
from soniq.cli.options import DatabaseUrl, LogFormat, MetricsHost, MetricsPort, Target

Queues = Annotated[
    str | None, typer.Option(help="Queues to serve, such as mail,urgent (default: all).")
]
Concurrency = Annotated[
    int | None, typer.Option(min=1, help="Jobs to run at a time (default: 10).")
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Worker processes to run, each with these options.")
]
MaxJobs = Annotated[
    int | None, typer.Option(min=1, help="Replace a worker process after so many jobs.")
]
MaxRss = Annotated[
    int | None,
    typer.Option(min=1, metavar="MIB", help="Replace a worker process that holds more memory."),
]
RunOnce = Annotated[bool, typer.Option("--run-once", help="Run what is due, then end.")]
WithScheduler = Annotated[bool, typer.Option("--with-scheduler", help="Fire recurring jobs, too.")]
# From a supervisor to its workers: the number of a descriptor, and the worker's own.
Descriptor = Annotated[int | None, typer.Option("--line", hidden=True)]
Place = Annotated[int, typer.Option("--place", hidden=True)]

TWO_ENDS = (
    "--max-jobs and --max-rss replace workers that go on; one with --run-once ends by itself: "
    "leave them away, or --run-once."
)


def worker(
    target: Target = None,
    *,
    queues: Queues = None,
    concurrency: Concurrency = None,
    processes: Processes = None,
    max_jobs: MaxJobs = None,
    max_rss: MaxRss = None,
    run_once: RunOnce = False,
    with_scheduler: WithScheduler = False,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = None,
    log_format: LogFormat = None,
    database_url: DatabaseUrl = None,
    descriptor: Descriptor = None,
    place: Place = 0,
) -> None:
    """Run jobs until SIGTERM or Ctrl-C; running jobs may end first, the rest goes back.

    A second signal gives everything back at once.
    """
    recycles = max_jobs is not None or max_rss is not None
    if recycles and run_once:
        raise fail(TWO_ENDS, Exit.USAGE)
    # Imported late: `soniq --help` needs none of it and is to be quick.
    if descriptor is None and (processes is not None or recycles):
        from soniq.cli.supervisor.run import supervise  # noqa: PLC0415

        raise typer.Exit(supervise(processes or 1, run_once=run_once, log_format=log_format))
    from soniq.cli.stopping import ALONE, SUPERVISED, Stopping  # noqa: PLC0415

    # Before all that takes time: a signal is to be heeded from the start.
    stopping = Stopping(ALONE if descriptor is None else SUPERVISED)
    from soniq.cli import worker_run  # noqa: PLC0415
    from soniq.cli.metrics import Address  # noqa: PLC0415
    from soniq.cli.supervisor.line import Line  # noqa: PLC0415

    worker_run.run(
        target,
        queues=None if queues is None else split(queues),
        concurrency=concurrency,
        run_once=run_once,
        max_jobs=max_jobs,
        max_rss=max_rss,
        with_scheduler=with_scheduler,
        metrics=Address(metrics_port, metrics_host, place),
        log_format=log_format,
        database_url=database_url,
        stopping=stopping,
        line=None if descriptor is None else Line(descriptor),
    )


def split(text: str) -> list[str]:
    """Return the names between the commas."""
    return [part.strip() for part in text.split(",") if part.strip()]

"""What ``soniq worker`` does: find the app, say what it serves, run it, say what was done."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType

from soniq import discovery
from soniq import settings as configuration
from soniq.app import Soniq
from soniq.cli import load, logs, render
from soniq.cli.exits import Exit, fail
from soniq.cli.metrics import Address
from soniq.cli.stopping import Stopping
from soniq.cli.supervisor.line import Line
from soniq.cli.tally import WORDS, told
from soniq.errors import ConfigurationError, DiscoveryError
from soniq.events import WorkerStarted
from soniq.worker.pauses import keep_pauses_short
from soniq.worker.worker import WorkerReport

logger = logging.getLogger("soniq.worker")


def run(
    target: str | None,
    *,
    queues: Sequence[str] | None,
    concurrency: int | None,
    run_once: bool,
    max_jobs: int | None,
    max_rss: int | None,
    with_scheduler: bool,
    metrics: Address,
    log_format: str | None,
    database_url: str | None,
    stopping: Stopping,
    line: Line | None,
) -> None:
    """Run a worker to its end; where there is a ``line``, tell its supervisor of it.

    Raises:
        DiscoveryError: there is no app to be found.

    Ends the process with code 1 where jobs had to be left behind.
    """
    app = prepare(target, database_url, log_format=log_format, with_pid=line is not None)
    served = queues if queues is not None else app.settings.queues
    announce(app, served, concurrency or app.settings.concurrency)
    timeout = app.settings.shutdown_timeout
    if line is not None:
        app.events.on(WorkerStarted, lambda _: line.tell(started=timeout))
    worker = partial(
        app.run_worker, concurrency, served, run_once, with_scheduler=with_scheduler,
        shutdown=stopping.shutdown, max_jobs=max_jobs, max_rss=max_rss,
    )  # fmt: skip
    keep_pauses_short()
    stopping.begin(timeout)
    asyncio.run(work(app, worker, stopping, line, metrics))


def prepare(
    target: str | None,
    database_url: str | None,
    *,
    log_format: str | None = None,
    with_pid: bool = False,
) -> Soniq:
    """Return the app to work for, with the log set up as its settings say.

    ``log_format`` wins over them; ``with_pid``: each line of the log names this process.

    Raises:
        DiscoveryError: there is no app to be found.
        ConfigurationError: the app names another database.
    """
    if database_url:
        # The app is made by the user's module, which reads its URL from here.
        os.environ["SONIQ_DATABASE_URL"] = database_url
    with shown_where():
        app = find_app(target)
    logs.configure(app.settings.log_level, log_format or app.settings.log_format, with_pid=with_pid)
    refuse_other_database(app, database_url)
    return app


@contextmanager
def shown_where() -> Generator[None]:
    """Show the traceback of what a module of the user's raised, from that module on.

    Raises:
        Exit: code 1 after that.
    """
    try:
        yield
    except DiscoveryError as error:
        cause = error.__cause__
        trace = users_part(cause.__traceback__) if cause else None
        # A missing module leaves no trace in the user's own; a syntax error names its place.
        if cause is None or not (trace or isinstance(cause, SyntaxError)):
            raise
        cause.with_traceback(trace)
        render.remark("".join(traceback.format_exception(cause)))
        raise fail(str(error)) from None


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that lies behind Soniq and the machinery of import."""
    while trace and (
        "importlib" in trace.tb_frame.f_code.co_filename
        or str(trace.tb_frame.f_globals.get("__name__")).startswith("soniq.")
    ):
        trace = trace.tb_next
    return trace


def find_app(target: str | None) -> Soniq:
    """Return the app that the argument, SONIQ_APP or SONIQ_JOBS_MODULES leads to.

    All modules of SONIQ_JOBS_MODULES are imported in any case: they register tasks.

    Raises:
        DiscoveryError: nothing leads to one.
    """
    settings = configuration.load()
    discovery.add_folder(Path.cwd())
    named = target or settings.app
    app = discovery.find(named, Soniq) if named else None
    for module in settings.jobs_modules:
        discovery.import_module(module)
    if app is not None:
        return app
    if not settings.jobs_modules:
        message = (
            "No app to work for: give it as module:name (`soniq worker shop.jobs:app`), or set "
            "SONIQ_APP=shop.jobs:app or SONIQ_JOBS_MODULES=shop.jobs."
        )
        raise DiscoveryError(message)
    return discovery.find_in(settings.jobs_modules, Soniq)


def refuse_other_database(app: Soniq, database_url: str | None) -> None:
    """Raise ConfigurationError where the app names its own database against ``--database-url``."""
    url = app.settings.database_url
    if database_url and (url is None or url.get_secret_value() != database_url):
        message = (
            f"The app uses {load.place_of(app)}, as its code says, so that --database-url "
            "(SONIQ_DATABASE_URL) has no effect: take database_url= out of Soniq(…), or the "
            "option away."
        )
        raise ConfigurationError(message)


async def work(
    app: Soniq,
    worker: Callable[[], Awaitable[WorkerReport]],
    stopping: Stopping,
    line: Line | None,
    metrics: Address,
) -> None:
    """Run the worker, say what it has done, close the app."""
    try:
        async with metrics.serving(app, awaits_worker=True):
            report = await worker()
        conclude(report, line)
        stopping.code = Exit.FAILED if report.abandoned else Exit.OK
    finally:
        await app.close()
        stopping.end()
    if report.abandoned:
        # A handler that nothing can stop still runs, and would hold up an ordinary exit.
        stopping.leave()


def announce(app: Soniq, queues: Sequence[str] | None, concurrency: int) -> None:
    """Log what this worker is about to do."""
    names = app.registry.names
    logger.info(
        "Worker %d starts: queues %s; concurrency %d; %d task(s) known; database %s",
        os.getpid(), ", ".join(queues) if queues else "all", concurrency, len(names),
        load.place_of(app),
    )  # fmt: skip
    logger.debug("Tasks: %s", ", ".join(names))
    if not names:
        logger.warning(
            "No task is registered: import the modules with @app.job() (SONIQ_JOBS_MODULES)"
        )


def conclude(report: WorkerReport, line: Line | None) -> None:
    """Say what this worker has done."""
    counts = {name: getattr(report, name) for name in WORDS}
    logger.info("Worker %d ended: %s", os.getpid(), told(counts))
    if line is not None:
        line.tell(report=counts, reason=report.reason)

"""What ``soniq worker`` does: find the app, say what it serves, run it, say what was done."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from soniq import discovery
from soniq import settings as configuration
from soniq.app import Soniq
from soniq.cli import load, logs, render
from soniq.cli.exits import Exit, fail
from soniq.errors import ConfigurationError, DiscoveryError
from soniq.worker.worker import WorkerReport

logger = logging.getLogger("soniq.worker")


def run(
    target: str | None,
    *,
    queues: Sequence[str] | None,
    concurrency: int | None,
    run_once: bool,
    with_scheduler: bool,
    database_url: str | None,
) -> None:
    """Run a worker to its end.

    Raises:
        DiscoveryError: there is no app to be found.

    Ends the process with code 1 where jobs had to be left behind.
    """
    app = prepare(target, database_url)
    served = queues if queues is not None else app.settings.queues
    announce(app, served, concurrency or app.settings.concurrency)
    report = asyncio.run(
        work(app, served, concurrency, run_once=run_once, with_scheduler=with_scheduler)
    )
    conclude(report)
    if report.abandoned:
        # A handler that nothing can stop still runs in a thread, and would hold up the exit.
        logging.shutdown()
        os._exit(Exit.FAILED)


def prepare(target: str | None, database_url: str | None) -> Soniq:
    """Return the app to work for, with the log set up as its settings say.

    Raises:
        DiscoveryError: there is no app to be found.
        ConfigurationError: the app names another database.
    """
    if database_url:
        # The app is made by the user's module, which reads its URL from here.
        os.environ["SONIQ_DATABASE_URL"] = database_url
    with shown_where():
        app = find_app(target)
    logs.configure(app.settings.log_level, app.settings.log_format)
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
    queues: Sequence[str] | None,
    concurrency: int | None,
    *,
    run_once: bool,
    with_scheduler: bool,
) -> WorkerReport:
    """Run the worker under the signals of this process; close the app afterwards."""
    try:
        return await app.run_worker(
            concurrency=concurrency,
            queues=queues,
            run_once=run_once,
            handle_signals=True,
            with_scheduler=with_scheduler,
        )
    finally:
        await app.close()


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


def conclude(report: WorkerReport) -> None:
    """Log what this worker has done."""
    logger.info(
        "Worker %d ended: %d done, %d to retry, %d to the dead letters, %d snoozed, "
        "%d given back, %d cancelled, %d lost, %d left behind",
        os.getpid(), report.complete, report.retry, report.bury, report.snooze,
        report.release, report.cancel, report.lost, report.abandoned,
    )  # fmt: skip

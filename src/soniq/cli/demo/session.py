"""One call of ``soniq demo``, from the plan to the summary."""

from __future__ import annotations

import asyncio
import logging
import signal
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict

import typer

from soniq.app import Soniq
from soniq.cli import load, render
from soniq.cli.demo import corpus, tasks
from soniq.cli.demo.enqueueing import enqueue
from soniq.cli.demo.history import describe_orphans, left, read_latest
from soniq.cli.demo.plan import QUEUE, Plan, make_plan
from soniq.cli.demo.progress import Progress, Tally, start_progress
from soniq.cli.demo.summary import show, summarize
from soniq.cli.exits import Exit
from soniq.cli.options import counted
from soniq.errors import DatabaseError

GO_ON = "Nothing is lost: `soniq demo` goes on."
WATCH_SECONDS = 0.2
# Shorter than the defaults: whoever kills the demo to see what happens should not wait for long.
HEARTBEAT_SECONDS = 2.0
LEASE_SECONDS = 10.0
# Done jobs are how an unfinished run knows what it has done; they outlive a weekend.
RESULT_SECONDS = 7 * 86_400.0


def run(database_url: str | None, *, files: int | None, as_json: bool) -> None:
    """Run the demo to its end, or until a signal.

    Raises:
        Exit: code 130 if it was stopped with jobs left to do.
    """
    with quiet(), sigterm_as_interrupt():
        try:
            finished = asyncio.run(whole(database_url, files=files, as_json=as_json))
        except KeyboardInterrupt:
            render.remark(GO_ON)
            raise
    if not finished:
        raise typer.Exit(Exit.INTERRUPTED)


async def whole(database_url: str | None, *, files: int | None, as_json: bool) -> bool:
    """Run the demo; tell whether its run was finished."""
    app = Soniq(
        database_url=database_url,
        heartbeat_interval=HEARTBEAT_SECONDS,
        heartbeat_timeout=LEASE_SECONDS,
        result_ttl=RESULT_SECONDS,
    )
    tasks.register(app)
    try:
        return await demonstrate(app, files=files, as_json=as_json, url=database_url)
    finally:
        await app.close()


async def demonstrate(app: Soniq, *, files: int | None, as_json: bool, url: str | None) -> bool:
    """Plan, enqueue, work and sum up; tell whether the run was finished."""
    await prepare(app)
    rows = await read_latest(app)
    plan = make_plan(rows.history(), corpus.source_files(corpus.stdlib())[:files])
    announce(plan, rows.history().waiting)
    enqueued = await enqueue(app, plan)
    for sentence in (*enqueued, *await describe_orphans(app, rows.jobs)):
        render.remark(sentence)
    total = await left(app)
    tally = Tally.of(app)
    seconds = await drain(app, start_progress(total, tally))
    remaining = await left(app)
    if remaining:
        render.remark(f"Stopped: {counted(remaining, 'job')} of {total:,} left. {GO_ON}")
        return False
    rows = await read_latest(app)
    summary = summarize(rows, settled=tally.settled, seconds=seconds)
    if as_json:
        render.document(asdict(summary))
    else:
        show(summary, rows.letters, url)
    return True


async def prepare(app: Soniq) -> None:
    """Make the tables if any is missing, and say so."""
    applied = await app.setup()
    what = "made Soniq's tables in" if applied else "using"
    render.remark(f"Database: {what} {load.place_of(app)}")


def announce(plan: Plan, waiting: int) -> None:
    """Say which run this is and what it has to do."""
    if not plan.continued:
        render.remark(f"Run {plan.number}: one job for each file below {corpus.stdlib()}")
        return
    more = f", {counted(len(plan.to_enqueue), 'job')} to enqueue" if plan.to_enqueue else ""
    render.remark(f"Run {plan.number} goes on: {counted(waiting, 'job')} left{more}")


async def drain(app: Soniq, progress: Progress) -> float:
    """Work until nothing is left or a signal comes; return the seconds that it took."""
    started = app.clock.monotonic()
    stop = asyncio.Event()
    with progress:
        worker = asyncio.create_task(app.run_worker(queues=[QUEUE], handle_signals=True, stop=stop))
        watch = asyncio.create_task(watch_until_empty(app, progress))
        await asyncio.wait({worker, watch}, return_when=asyncio.FIRST_COMPLETED)
        seconds = app.clock.monotonic() - started
        stop.set()
        watch.cancel()
        await worker
    return seconds


async def watch_until_empty(app: Soniq, progress: Progress) -> None:
    """Show the progress until no job of the demo waits or runs."""
    while True:
        try:
            remaining = await left(app)
        except DatabaseError as error:
            # The worker waits for the database, so the one who looks on does so, too.
            progress.note(str(error))
        else:
            progress.update(remaining)
            if not remaining:
                return
        await asyncio.sleep(WATCH_SECONDS)


@contextmanager
def quiet() -> Generator[None]:
    """Keep the log away from the progress bar: failures are part of the show and are summed up."""
    logger = logging.getLogger("soniq")
    handler = logging.NullHandler()
    logger.addHandler(handler)
    former, logger.propagate = logger.propagate, False
    try:
        with warnings.catch_warnings():
            # Of the standard library's own test data.
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.propagate = former
        logger.removeHandler(handler)


@contextmanager
def sigterm_as_interrupt() -> Generator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, also while no worker listens to it yet."""
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)

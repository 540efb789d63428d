"""``soniq workers list|quiet|resume|stop``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from soniq.cli import load, render
from soniq.cli.actor import author
from soniq.cli.exits import Exit
from soniq.cli.group import Group
from soniq.cli.options import AsJson, By, DatabaseUrl, DryRun, Ids, Yes, confirm, counted

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.job import Worker

app = typer.Typer(cls=Group, help="Look at workers, quiet or stop them.", no_args_is_help=True)
MIB = 1024 * 1024
# Enough of a random id to tell workers apart.
SHORT = 8


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be asked of a worker. ``asked``: what it was, to go on after its name."""

    name: str
    asked: str
    act: Callable[[Soniq, str], Awaitable[None]]


QUIET = Verb(
    "quiet",
    "to be quiet: it claims no more, and what it runs goes on",
    lambda a, i: a.workers.quiet(i),
)
RESUME = Verb("resume", "to claim jobs again", lambda a, i: a.workers.resume(i))
STOP = Verb("stop", "to stop: it ends once its jobs have", lambda a, i: a.workers.stop(i))


@app.command("list")
def list_workers(*, as_json: AsJson = False, database_url: DatabaseUrl = None) -> None:
    """List workers, oldest start first: what each serves, runs and needs, and how it does."""
    found = load.run(database_url, lambda app: app.workers.list())
    if as_json:
        render.document(found)
        return
    render.table(worker_table(found, datetime.now(UTC)))
    if not found:
        render.remark("No worker is running. Start one with `soniq worker module:app`.")


@app.command()
def quiet(
    ids: Ids, *, by: By = None, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Let workers claim no more jobs, by id or its beginning; those that run go on."""
    ask(QUIET, ids, by, dry_run=dry_run, database_url=database_url)


@app.command()
def resume(
    ids: Ids, *, by: By = None, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Let quiet workers claim jobs again."""
    ask(RESUME, ids, by, dry_run=dry_run, database_url=database_url)


@app.command()
def stop(
    ids: Ids,
    *,
    yes: Yes = False,
    by: By = None,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Let workers end as by SIGTERM; those of --processes are not replaced."""
    if not dry_run:
        confirm(f"Stop {counted(len(ids), 'worker')}?", yes=yes)
    ask(STOP, ids, by, dry_run=dry_run, database_url=database_url)


def ask(
    verb: Verb, ids: Sequence[str], by: str | None, *, dry_run: bool, database_url: str | None
) -> None:
    """Ask each worker for the same; the worst failure is the exit code."""
    codes = load.run(database_url, lambda app: ask_all(app, verb, ids, author(by), dry_run=dry_run))
    if codes:
        raise typer.Exit(max(codes))


async def ask_all(
    app: Soniq, verb: Verb, ids: Sequence[str], by: str, *, dry_run: bool
) -> list[Exit]:
    """Ask one after the other, say what became of it, and return what went wrong."""
    codes: list[Exit] = []
    there = await app.workers.list()
    for beginning in ids:
        # Nothing is the beginning of every id: a variable of a script that is empty means nobody.
        matching = [one for one in there if beginning and one.id.startswith(beginning)]
        if len(matching) != 1:
            render.remark(f"Error: {mistaken(beginning, matching)}")
            codes.append(Exit.USAGE if matching else Exit.NOT_FOUND)
        elif matching[0].wish == "stop":
            late = f"Too late for {name_of(matching[0])}: it has been asked to stop."
            render.remark(late)
            codes.append(Exit.FAILED)
        else:
            await ask_one(app, verb, matching[0], by, dry_run=dry_run)
    return codes


async def ask_one(app: Soniq, verb: Verb, worker: Worker, by: str, *, dry_run: bool) -> None:
    """Ask a worker, or only say so."""
    if dry_run:
        render.remark(f"Would ask {name_of(worker)} {verb.asked}.")
        return
    await verb.act(app, worker.id)
    await app.audit.note(by, f"workers.{verb.name}", worker.id)
    when = "It learns that with its next heartbeat."
    if not worker.alive:
        last = render.age(worker.renewed_at, datetime.now(UTC))
        when = f"It was last heard of {last}, so it may be gone."
    render.remark(f"Asked {name_of(worker)} {verb.asked}. {when}")


def mistaken(beginning: str, matching: Sequence[Worker]) -> str:
    """Return what is wrong with the beginning of an id."""
    if not matching:
        return f"No worker {beginning or '(empty id)'}: `soniq workers list` shows those there are."
    ids = ", ".join(worker.id for worker in matching)
    return f"{beginning} is the beginning of {len(matching)} ids: {ids}. Write more of it."


def name_of(worker: Worker) -> str:
    """Return how a worker is called in a sentence."""
    return f"worker {worker.id[:SHORT]} ({worker.hostname}, process {worker.pid})"


def worker_table(workers: Sequence[Worker], now: datetime) -> render.Table:
    """Return one line per worker; people read short ids and distances, programs all of them."""
    if not render.on_terminal():
        columns = ("worker", "state", "running", "of", "queues", "host", "pid", "version",
                   "memory", "lag", "heard")  # fmt: skip
        return render.Table(columns, [whole(one) for one in workers])
    rows = [
        (
            one.id[:SHORT],
            state(one),
            f"{one.running}/{one.concurrency}",
            queues_of(one),
            one.hostname,
            str(one.pid),
            one.version,
            mebibytes(one.memory_bytes),
            milliseconds(one.loop_lag),
            render.age(one.renewed_at, now),
        )
        for one in workers
    ]
    return render.Table(
        ("worker", "state", "running", "queues", "host", "pid", "version", "memory", "lag",
         "heard"),
        rows,
        right=("running", "pid", "memory", "lag"),
        folded=("host", "queues"),
        wide={"host": 70, "pid": 70, "version": 110, "memory": 90, "lag": 100},
    )  # fmt: skip


def whole(one: Worker) -> tuple[object, ...]:
    """Return what is known of a worker as programs read it."""
    return (
        one.id,
        state(one),
        one.running,
        one.concurrency,
        queues_of(one),
        one.hostname,
        one.pid,
        one.version,
        one.memory_bytes,
        one.loop_lag,
        one.renewed_at,
    )


def queues_of(worker: Worker) -> str:
    """Return the queues that a worker serves."""
    return "all" if worker.queues is None else ", ".join(worker.queues)


def state(worker: Worker) -> str:
    """Return what a worker is up to: at work, quiet, stopping, or gone where its lease is over."""
    if not worker.alive:
        return "gone"
    return {None: "at work", "quiet": "quiet", "stop": "stopping"}[worker.wish]


def mebibytes(number: int | None) -> str:
    """Return an amount of memory as people read it."""
    return "-" if number is None else f"{number // MIB:,} MiB"


def milliseconds(lag: float | None) -> str:
    """Return how late an event loop is, as people read it."""
    return "-" if lag is None else f"{lag * 1000:,.0f} ms"

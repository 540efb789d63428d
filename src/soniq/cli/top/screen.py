"""Where looks are shown: on a terminal one in place of the other, in a pipe one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.text import Text

from soniq.cli import render
from soniq.cli.escape import escape
from soniq.cli.top.look import Look
from soniq.cli.top.tables import cut, heights, tables

# A look, or in its place why there is none.
Show = Callable[[Look | str], None]
# Above the tables, and of each: headings, a line below them, and a blank one.
TITLE, FRAME = 2, 3
# What JSON tells of a running job: nothing of its arguments.
RUNNING = (
    "id", "job_name", "queue", "priority", "attempts", "max_attempts", "started_at", "worker_id"
)  # fmt: skip


@contextmanager
def live() -> Generator[Show]:
    """Show looks on the whole terminal, and give it back as it was."""
    console = render.console()
    shown: list[Look] = []

    def show(look: Look | str) -> None:
        problem = look if isinstance(look, str) else ""
        if isinstance(look, Look):
            shown[:] = [look]
        view.update(drawn(shown[0], problem, console.height), refresh=True)

    with Live(console=console, screen=True, auto_refresh=False) as view:
        yield show


def drawn(look: Look, problem: str, height: int) -> Group:
    """Return a look as it fits on a screen of that height."""
    every = tables(look)
    rows = heights([len(one.rows) for one in every], height - TITLE - FRAME * len(every))
    parts = [render.drawing(cut(one, n)) for one, n in zip(every, rows, strict=True)]
    told = problem or "q ends"
    title = Text(f"{look.now:%H:%M:%S} UTC  {escape(look.database)}  {escape(told)}\n")
    return Group(title, *(part for one in parts for part in (one, Text())))


def printed(look: Look | str) -> None:
    """Print a look as lines for programs; why there is none goes to stderr."""
    if isinstance(look, str):
        render.remark(look)
        return
    render.facts({"time": look.now})
    for shown in tables(look):
        if shown.rows:
            render.gap()
        render.table(shown)
    sys.stdout.flush()


def as_json(look: Look | str) -> None:
    """Print a look as one JSON document."""
    if isinstance(look, str):
        render.remark(look)
        return
    render.document(document_of(look))
    sys.stdout.flush()


def document_of(look: Look) -> dict[str, object]:
    """Return a look as JSON tells it."""
    queues = [{**line.standing, **line.pace._asdict()} for line in look.queues]
    running = [{name: job[name] for name in RUNNING} for job in look.running]
    return {
        "database": look.database,
        "now": look.now,
        "queues": queues,
        "workers": list(look.workers),
        "running": running,
    }

"""Show data on stdout: tables on a terminal, tab-separated lines in a pipe, JSON on demand."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from soniq.cli.escape import escape, visible
from soniq.job import Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

NARROWEST = 60
GAP = 2
LEAST = 9
SMALL = 0.1
# json.dumps() spells out what is below; the rest may be a letter, or may turn the line around.
INVISIBLE = re.compile(r"[^ -~\n]")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; in a pipe the rows alone, each with ``key`` in front if there is one.

    ``right`` names the columns of numbers, ``folded`` those that may take several lines and
    ``clipped`` those that are cut off instead. ``wide``: the columns that are left out on a
    terminal with fewer columns of text.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    key: str = ""
    right: Collection[str] = ()
    folded: Collection[str] = ()
    clipped: Collection[str] = ()
    wide: Mapping[str, int] = field(default_factory=dict[str, int])

    def fitting(self, width: int) -> list[int]:
        """Return the places of the columns to show on a terminal of that width."""
        return [n for n, name in enumerate(self.columns) if width >= self.wide.get(name, 0)]


class About(int):
    """A number that was not counted but estimated: shown as ``~1,000``."""


def on_terminal() -> bool:
    """Tell whether a person looks at stdout."""
    return sys.stdout.isatty()


def table(shown: Table) -> None:
    """Print a table; nothing on a terminal where there are no rows."""
    if on_terminal():
        if shown.rows:
            draw(shown)
        return
    for row in shown.rows:
        cells = [plain(value) for value in row]
        typer.echo("\t".join([shown.key, *cells] if shown.key else cells))


def gap() -> None:
    """Print an empty line, for people only."""
    if on_terminal():
        typer.echo()


def facts(pairs: Mapping[str, object]) -> None:
    """Print names and values, one pair a line; several lines of a value stand indented below."""
    width = max(map(len, pairs)) if on_terminal() else 0
    for name, value in pairs.items():
        if not on_terminal():
            typer.echo(f"{name}\t{plain(value)}")
            continue
        lines = cell(value, lines=True).rstrip("\n").split("\n")
        first = lines.pop(0) if len(lines) == 1 else ""
        typer.echo(f"{name:<{width}}  {first}".rstrip())
        for line in lines:
            typer.echo(f"    {line}")


def document(value: object) -> None:
    """Print one JSON document: indented on a terminal, one line in a pipe."""
    typer.echo(to_json(value, indent=2 if on_terminal() else None))


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return JSON that is safe to print: what is not plainly visible is written as an escape."""
    text = json.dumps(value, default=jsonable, ensure_ascii=not writes_unicode(), indent=indent)
    return INVISIBLE.sub(json_escape, text)


def json_escape(found: re.Match[str]) -> str:
    r"""Return a character as JSON spells it: ``\\u202e``; two such for one beyond 65,535."""
    character = found[0]
    return character if visible(character) else json.dumps(character)[1:-1]


def jsonable(value: object) -> object:
    """Return what JSON can say for a value that it does not know."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Row):
        return dict(value)
    return str(value)


def writes_unicode() -> bool:
    """Tell whether stdout can take any character."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def cell(value: object, *, lines: bool = False) -> str:
    """Return a value as a person reads it, in one line unless ``lines``."""
    match value:
        case None | ():
            text = "-"
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case float():
            # One digit after the point, but what is little is not nothing.
            text = f"{value:.2g}" if 0 < abs(value) < SMALL else f"{value:,.1f}"
        case About():
            text = f"~{int(value):,}"
        case int():
            text = f"{value:,}"
        case _ if is_nested(value):
            text = to_json(value)
        case _:
            text = str(value)
    return escape(text, lines=lines)


def plain(value: object) -> str:
    """Return a value as a program reads it: one line, no tabs; nothing for None."""
    match value:
        case None | ():
            return ""
        case datetime():
            return value.isoformat()
        case About():
            return f"~{int(value)}"
        case _ if isinstance(value, bool) or is_nested(value):
            return to_json(value)
        case _:
            return escape(str(value))


def is_nested(value: object) -> bool:
    """Tell whether a value holds others and is best shown as JSON."""
    return isinstance(value, list | tuple | dict)


def age(moment: datetime | None, now: datetime) -> str:
    """Return how long ago or how far ahead a moment is, in one unit: ``5m ago``, ``in 2h``."""
    if moment is None:
        return "-"
    distance = moment - now
    if abs(distance) < timedelta(seconds=1):
        return "now"
    span = duration(abs(distance).total_seconds())
    return f"in {span}" if distance > timedelta() else f"{span} ago"


def duration(seconds: float) -> str:
    """Return seconds in the largest unit that fits: ``42s``, ``5m``, ``3h``, ``12d``."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:.0f}s"


def draw(shown: Table) -> None:
    """Print a table with headings, as wide as the terminal allows."""
    console().print(drawing(shown), soft_wrap=True)


def drawing(shown: Table) -> RichTable:
    """Return a table with headings, as wide as the terminal allows."""
    from rich import box  # noqa: PLC0415 - Rich is slow to import, and a pipe does without it
    from rich.cells import cell_len  # noqa: PLC0415
    from rich.table import Table as Drawing  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    width = console().width
    drawn = Drawing(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    columns = {
        shown.columns[place]: [cell(row[place]) for row in shown.rows]
        for place in shown.fitting(width)
    }
    natural = {name: max(map(cell_len, (name, *cells))) for name, cells in columns.items()}
    for name, room in squeezed(natural, width, shown.clipped, shown.folded).items():
        drawn.add_column(
            Text(name),
            justify="right" if name in shown.right else "left",
            width=room,
            no_wrap=name not in shown.folded,
            overflow="ellipsis" if name in shown.clipped else "fold",
        )
    for cells in zip(*columns.values(), strict=True):
        # Text, not markup: what stands in a job must not be able to draw.
        drawn.add_row(*map(Text, cells))
    return drawn


def squeezed(widths: Mapping[str, int], room: int, *yielding: Collection[str]) -> dict[str, int]:
    """Return widths that fit: the columns of the first group make room first, others never.

    An id that is cut is no id, so that a table of only such columns may stay too wide.
    """
    fitting = dict(widths)
    for name in (name for group in yielding for name in group if name in widths):
        over = sum(fitting.values()) + GAP * (len(fitting) - 1) - room
        fitting[name] = max(fitting[name] - max(over, 0), min(fitting[name], LEAST))
    return fitting


def console(*, stderr: bool = False) -> Console:
    """Return a Rich console that shows text as it is given."""
    from rich.console import Console  # noqa: PLC0415

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    made.width = max(made.width, NARROWEST)
    return made


def remark(text: Any) -> None:
    """Say something about the data, on stderr."""
    typer.echo(escape(str(text), lines=True), err=True)

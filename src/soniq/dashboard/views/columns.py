"""The columns of the list of jobs: which there are, and which were chosen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column, by its name in the URL and the words above it."""

    name: str
    title: str
    number: bool = False


COLUMNS = (
    Column("state", "State"),
    Column("task", "Task"),
    Column("id", "Id"),
    Column("queue", "Queue"),
    Column("args", "Arguments"),
    Column("attempts", "Attempts", number=True),
    Column("priority", "Priority", number=True),
    Column("created", "Created"),
    Column("due", "Due"),
    Column("started", "Started"),
    Column("finished", "Finished"),
    Column("waited", "Waited", number=True),
    Column("ran", "Ran", number=True),
    Column("worker", "Worker"),
    Column("error", "Last error"),
)
USUAL = ("state", "task", "id", "queue", "args", "attempts", "created", "ran", "error")


def chosen(names: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns with these names, in their usual order; the usual ones for none.

    That of the task is always there: it leads to the job.
    """
    wanted = {name for text in names for name in text.split(",")}
    known = wanted & {column.name for column in COLUMNS} or set(USUAL)
    return tuple(column for column in COLUMNS if column.name in known | {"task"})


def spelled(columns: Sequence[Column]) -> str | None:
    """Return the columns as the URL has them; None for the usual ones."""
    names = tuple(column.name for column in columns)
    return None if names == USUAL else ",".join(names)

"""Which jobs a run of the demo consists of, and which of them are still to be enqueued. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Not a name that anybody's own jobs would use: the demo leaves all other queues alone.
QUEUE = "soniq-demo"
STRIDE = 60


class Kind(StrEnum):
    """The tasks of the demo, in the order in which their jobs are enqueued."""

    DOOMED = "demo.always_fails"
    ENDLESS = "demo.never_ends"
    FLAKY = "demo.parse_flaky"
    UNIQUE = "demo.parse_unique"
    LATER = "demo.parse_later"
    FILE = "demo.parse_file"


@dataclass(frozen=True, slots=True)
class Item:
    """A job of a run; ``path`` is relative to the standard library, empty where none is parsed."""

    kind: Kind
    path: str = ""

    def args(self, run: int) -> dict[str, Any]:
        """Return the arguments of the job."""
        return {"path": self.path, "run": run} if self.path else {"run": run}


@dataclass(frozen=True, slots=True)
class History:
    """What the database holds of the latest run; number 0 where there was none.

    ``waiting`` jobs are queued or being run.
    """

    number: int = 0
    known: frozenset[Item] = frozenset()
    waiting: int = 0

    @property
    def complete(self) -> bool:
        """Tell whether all jobs of the run were enqueued: files come last, all of them or none."""
        return any(item.kind is Kind.FILE for item in self.known)

    @property
    def finished(self) -> bool:
        """Tell whether nothing of the run is left to do, also where there was no run."""
        return not self.known or (self.complete and not self.waiting)


@dataclass(frozen=True, slots=True)
class Plan:
    """The run to work on: its number, and the jobs that it still lacks."""

    number: int
    to_enqueue: tuple[Item, ...]
    continued: bool


def make_plan(history: History, paths: Sequence[str]) -> Plan:
    """Return the plan: the unfinished run, completed if need be, or else a new one."""
    if history.finished:
        return Plan(history.number + 1, tuple(all_items(paths)), continued=False)
    if history.complete:
        return Plan(history.number, (), continued=True)
    lacking = tuple(item for item in all_items(paths) if item not in history.known)
    return Plan(history.number, lacking, continued=True)


def all_items(paths: Sequence[str]) -> list[Item]:
    """Return one item per file and the two that always go wrong, in the order of ``Kind``."""
    items = [Item(Kind.DOOMED), Item(Kind.ENDLESS)]
    items += [Item(kind_of(number), path) for number, path in enumerate(paths)]
    order = list(Kind)
    return sorted(items, key=lambda item: order.index(item.kind))


def kind_of(number: int) -> Kind:
    """Return how the file of that number is treated: most plainly, a few of each other kind."""
    special = {10: Kind.FLAKY, 30: Kind.UNIQUE, 50: Kind.LATER}
    return special.get(number % STRIDE, Kind.FILE)


def of_kind(items: Iterable[Item], kind: Kind) -> list[Item]:
    """Return the items of one kind."""
    return [item for item in items if item.kind is kind]


def read_item(job_name: str, args: Mapping[str, Any]) -> tuple[int, Item] | None:
    """Return run and item that a job stands for, or None where it is none of the demo's."""
    run, path = args.get("run"), args.get("path", "")
    if job_name in set(Kind) and isinstance(run, int) and isinstance(path, str):
        return run, Item(Kind(job_name), path)
    return None

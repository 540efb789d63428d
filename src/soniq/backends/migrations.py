"""The numbered steps of a schema: ``migrations/0001_name.sql``. Knows no driver."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from soniq.backends.contract import Migration

MADE = re.compile(r"^CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(\w+)[^;]+;", re.MULTILINE)
DROPPED = re.compile(r"^DROP INDEX (?:CONCURRENTLY )?(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A step as it lies in the package; ``checksum`` is the SHA-256 of its text, in hex."""

    version: int
    name: str
    checksum: str
    sql: str

    def applied(self, at: datetime | None) -> Migration:
        """Return the step as others see it, applied at that time or pending (None)."""
        return Migration(self.version, self.name, self.checksum, at)


def scripts(folder: Path) -> list[Script]:
    """Return the steps below a backend's ``folder`` in the order in which they apply."""
    return sorted(
        (parse(path) for path in (folder / "migrations").glob("*.sql")),
        key=lambda script: script.version,
    )


def parse(path: Path) -> Script:
    """Return the step that a file ``<number>_<name>.sql`` holds."""
    number, _, name = path.stem.partition("_")
    text = path.read_text(encoding="utf-8")
    return Script(int(number), name, hashlib.sha256(text.encode()).hexdigest(), text)


def pending(known: Sequence[Script], applied: Mapping[int, datetime]) -> list[Script]:
    """Return the steps that a database with these ``applied`` versions still lacks.

    Versions that the code does not know are left alone: an older program may run on a newer schema.
    """
    return [script for script in known if script.version not in applied]


def report(known: Sequence[Script], applied: Mapping[int, datetime]) -> list[Migration]:
    """Return every step with the time when it was applied (None: pending)."""
    return [script.applied(applied.get(script.version)) for script in known]


def indexes(steps: Iterable[Script]) -> dict[str, str]:
    """Return the indexes that are there after these steps, with the statement that makes each."""
    found: dict[str, str] = {}
    for step in steps:
        for name in DROPPED.findall(step.sql):
            found.pop(name, None)
        found |= {made[1]: " ".join(made[0].split()) for made in MADE.finditer(step.sql)}
    return found


def missing(steps: Iterable[Script], present: Collection[str]) -> dict[str, str]:
    """Return the indexes that should be there after these steps and are not."""
    return {name: made for name, made in indexes(steps).items() if name not in present}

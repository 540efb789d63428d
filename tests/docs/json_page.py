"""The page that describes what ``--json`` prints, read so that documents can be held against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.architecture.sources import ROOT
from tests.docs.pages import ROW

PAGE = ROOT / "docs" / "reference" / "json.md"
SECTION = re.compile(r"^## (?P<name>\w+)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BASE = re.compile(r"^As (\w+), and besides:", re.MULTILINE)
Fields = dict[str, str]
SCALARS = ("null", "boolean", "integer", "number")


def commands() -> dict[str, str]:
    """Return the type of each command's document."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    return dict(rows(text))


def objects() -> dict[str, Fields]:
    """Return the fields of each object with their types, those of its base among them."""
    sections = {one["name"]: one["text"] for one in SECTION.finditer(PAGE.read_text("utf-8"))}
    own = {name: dict(rows(text)) for name, text in sections.items()}
    bases = {name: base[1] for name, text in sections.items() if (base := BASE.search(text))}
    return {name: own.get(bases.get(name, ""), {}) | fields for name, fields in own.items()}


def rows(text: str) -> list[tuple[str, str]]:
    """Return the first two cells of the rows of a table, without its head."""
    cells = [[cell.strip(" `") for cell in row["cells"].split(" | ")] for row in ROW.finditer(text)]
    return [(row[0], row[1]) for row in cells[2:]]


def complaints(value: Any, kind: str, known: dict[str, Fields], place: str = "$") -> Iterator[str]:
    """Yield where a value is not what the page says."""
    kinds = [one.strip() for part in kind.split(" or ") for one in part.split(", ")]
    found = [list(of_one(value, one, known, place)) for one in kinds]
    yield from min(found, key=len)


def of_one(value: Any, kind: str, known: dict[str, Fields], place: str) -> Iterator[str]:
    """Yield where a value is not of one kind."""
    if kind.startswith("list of ") and isinstance(value, list):
        for number, one in enumerate(value):
            yield from complaints(one, kind[8:], known, f"{place}[{number}]")
    elif kind.startswith("map of ") and isinstance(value, dict):
        for name, one in value.items():
            yield from complaints(one, kind[7:], known, f"{place}.{name}")
    elif kind in known and isinstance(value, dict):
        if list(value) != list(known[kind]):
            yield f"{place}: {kind} has the fields {list(value)}, the page {list(known[kind])}"
        for name in value.keys() & known[kind].keys():
            yield from complaints(value[name], known[kind][name], known, f"{place}.{name}")
    elif not is_scalar(value, kind):
        yield f"{place}: {value!r} is no {kind}"


def is_scalar(value: Any, kind: str) -> bool:
    """Tell whether a value is of a kind that has no parts."""
    match value:
        case None:
            return kind in {"any", "null"}
        case bool():
            return kind in {"any", "boolean"}
        case int():
            return kind in {"any", "integer", "number"}
        case float():
            return kind in {"any", "number"}
        case str():
            fits = {"any": True, "text": True, "time": is_time(value), "id": is_id(value)}
            return fits.get(kind, False)
        case _:
            return kind == "any"


def is_time(text: str) -> bool:
    """Tell whether a text is a time with its offset."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def is_id(text: str) -> bool:
    """Tell whether a text is a UUID."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def shape(value: Any) -> Any:
    """Return the keys and types of a document; the items of a list as one."""
    match value:
        case dict():
            return {name: shape(one) for name, one in value.items()}
        case list():
            return [merged([shape(one) for one in value])] if value else []
        case str():
            return "time" if is_time(value) else "id" if is_id(value) else "text"
        case _:
            return next(kind for kind in SCALARS if is_scalar(value, kind))


def merged(shapes: list[Any]) -> Any:
    """Return the shape of several values: what each field is in any of them."""
    if all(isinstance(one, dict) for one in shapes):
        names = list(dict.fromkeys(name for one in shapes for name in one))
        return {name: merged([one[name] for one in shapes if name in one]) for name in names}
    if all(isinstance(one, list) for one in shapes):
        items = [item for one in shapes for item in one]
        return [merged(items)] if items else []
    kinds = list(dict.fromkeys(one if isinstance(one, str) else "object" for one in shapes))
    parts = [one for one in shapes if not isinstance(one, str)]
    if parts and len(kinds) > 1:  # an object, or null
        return {"null or": merged(parts)}
    return " or ".join(sorted(kinds))

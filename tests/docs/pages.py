"""Read the pages: fenced blocks and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import ROOT

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\|(?P<cells>.+)\|$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: ``language`` and ``mark`` are the words after the fence."""

    language: str
    mark: str
    text: str


def pages() -> list[Path]:
    """Return every page for users and contributors, sorted."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found: list[Block] = []
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        language, _, mark = match["info"].strip().partition(" ")
        found.append(Block(language, mark, match["text"]))
    return found


def rows(page: Path) -> list[list[str]]:
    """Return the rows of all tables of a page, without the marks of code."""
    text = page.read_text(encoding="utf-8")
    table = [[cell.strip() for cell in match["cells"].split(" | ")] for match in ROW.finditer(text)]
    return [[cell.strip("` ") for cell in cells] for cells in table]


def commands(text: str) -> list[str]:
    """Return the ``soniq …`` commands of a shell block."""
    lines = (line.partition(" # ")[0].strip() for line in text.splitlines())
    parts = (part.strip() for line in lines for part in line.split("&&"))
    return [
        part.removeprefix("uv run ")
        for part in parts
        if part.removeprefix("uv run ").startswith("soniq ")
    ]

"""Tracebacks as frames, so that those of libraries can be folded away. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

FRAME = re.compile(
    r'^(?:  [|+ ]*)?\s+File "(?P<file>[^"]*)", line (?P<line>\d+)(?:, in (?P<name>.*))?$'
)
# Where code lies that is not the user's own.
LIBRARY = re.compile(
    r"[\\/](?:site|dist)-packages[\\/]|[\\/]lib[\\/]python\d|^<frozen |^<string>$"
    r"|[\\/]soniq[\\/](?:worker|middleware|arguments)\b"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a traceback. ``kind``: ``own`` frames, ``library`` frames, or other ``text``.

    ``frames`` counts those that it holds.
    """

    kind: str
    text: str
    frames: int = 0


def frames(traceback: str | None) -> list[Piece]:
    """Return a traceback in pieces, in order and complete: joined by line feeds they are the text.

    Neighbouring frames of libraries are one piece. A text that is no traceback is one piece.
    """
    if not traceback:
        return []
    blocks = [(kind_of(block), block) for block in split(traceback.rstrip().split("\n"))]
    pieces: list[Piece] = []
    for kind, group in groupby(blocks, key=lambda block: block[0]):
        found = [lines for _, lines in group]
        text = "\n".join(line for lines in found for line in lines)
        pieces.append(Piece(kind, text, 0 if kind == "text" else len(found)))
    return pieces


def split(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines of each frame together, and other lines one by one."""
    block: list[str] = []
    for line in lines:
        inside = bool(block) and line.startswith("    ") and not FRAME.match(line)
        if inside:
            block.append(line)
            continue
        if block:
            yield block
            block = []
        if FRAME.match(line):
            block = [line]
        else:
            yield [line]
    if block:
        yield block


def kind_of(block: list[str]) -> str:
    """Tell whose frame some lines are, if they are one."""
    frame = FRAME.match(block[0])
    if frame is None:
        return "text"
    return "library" if LIBRARY.search(frame["file"]) else "own"

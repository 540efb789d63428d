"""Fold a traceback: frames that are not the user's code are counted, not shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

FRAME = re.compile(r'  File "(?P<path>.+?)", line \d+')
# Installed packages, the standard library, and Soniq itself, also from its sources.
FOREIGN = re.compile(
    r"(?<![^/\\])(?:site-packages|dist-packages|lib[/\\]python3[.\d]*|src(?=[/\\]soniq[/\\]))"
    r"[/\\](?=(?P<package>\w+))|^<frozen (?P<frozen>\w+)"
)


class Frame(NamedTuple):
    """A frame with its lines of text; ``package`` is None for the user's own code."""

    package: str | None
    lines: list[str]


def fold(traceback: str) -> str:
    """Return a traceback in which rows of frames of other people's code are one line each.

    Where a row ends the traceback, its last frame stays: there the error was raised.
    """
    lines: list[str] = []
    row: list[Frame] = []
    for frame, text in blocks(traceback):
        if frame is not None and frame.package is not None:
            row.append(frame)
            continue
        lines += folded(row, whole=frame is not None)
        lines += [text] if frame is None else frame.lines
        row = []
    return "\n".join(lines + folded(row, whole=False))


def blocks(traceback: str) -> Iterator[tuple[Frame | None, str]]:
    """Yield the frames, and the other lines one by one."""
    frame: Frame | None = None
    for line in traceback.rstrip("\n").split("\n"):
        found = FRAME.match(line)
        if frame is not None and found is None and line.startswith("    "):
            frame.lines.append(line)
            continue
        if frame is not None:
            yield frame, ""
        frame = Frame(package_of(found["path"]), [line]) if found else None
        if frame is None:
            yield None, line
    if frame is not None:
        yield frame, ""


def package_of(path: str) -> str | None:
    """Return which package a file belongs to; None for the user's own code."""
    found = [match["package"] or match["frozen"] for match in FOREIGN.finditer(path)]
    # Installed packages are a folder of the standard library's.
    return found[-1] if found else None


def folded(row: list[Frame], *, whole: bool) -> list[str]:
    """Return a row of foreign frames as one line; unless ``whole`` the last one is left."""
    away, left = (row, []) if whole else (row[:-1], row[-1:])
    lines = [line for frame in left for line in frame.lines]
    if not away:
        return lines
    packages = ", ".join(dict.fromkeys(frame.package or "" for frame in away))
    frames = "1 frame" if len(away) == 1 else f"{len(away)} frames"
    return [f"  … {frames} of {packages}", *lines]

"""Fold a traceback: of the frames that are not the user's code, only the last of a row is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

FRAME = re.compile(r'  File "(?P<path>.+?)", line \d+')
# Installed packages, the standard library, and Soniq itself, also from its sources.
FOREIGN = re.compile(
    r"(?<![^/\\])(?:site-packages|dist-packages|lib[/\\]python3[.\d]*|src(?=[/\\]soniq[/\\]))"
    r"[/\\](?=(?P<package>\w+))|^<frozen (?P<frozen>\w+)"
)


def fold(traceback: str) -> str:
    """Return a traceback in which rows of frames of other people's code are one line each.

    The last frame of a row stays: there the user's code was called, or the error was raised.
    """
    lines: list[str] = []
    row: list[tuple[str, list[str]]] = []
    for package, block in blocks(traceback):
        if package is not None:
            row.append((package, block))
            continue
        lines += folded(row) + block
        row = []
    return "\n".join(lines + folded(row))


def blocks(traceback: str) -> Iterator[tuple[str | None, list[str]]]:
    """Yield the frames with their lines, and other lines alone; the package of foreign frames."""
    frame: tuple[str | None, list[str]] | None = None
    for line in traceback.rstrip("\n").split("\n"):
        found = FRAME.match(line)
        if frame is not None and found is None and line.startswith("    "):
            frame[1].append(line)
            continue
        if frame is not None:
            yield frame
        frame = (package_of(found["path"]), [line]) if found else None
        if frame is None:
            yield None, [line]
    if frame is not None:
        yield frame


def package_of(path: str) -> str | None:
    """Return which package a file belongs to; None for the user's own code."""
    found = [match["package"] or match["frozen"] for match in FOREIGN.finditer(path)]
    # Installed packages are a folder of the standard library's.
    return found[-1] if found else None


def folded(row: list[tuple[str, list[str]]]) -> list[str]:
    """Return a row of foreign frames, but for the last one, as one line."""
    if len(row) <= 1:
        return [line for _, block in row for line in block]
    number = len(row) - 1
    packages = ", ".join(dict.fromkeys(package for package, _ in row[:-1]))
    frames = "1 frame" if number == 1 else f"{number} frames"
    return [f"  … {frames} of {packages}", *row[-1][1]]

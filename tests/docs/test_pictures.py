from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.sources import ROOT
from tests.docs.pages import pages
from tools.screenshots import FOLDER, SHOTS

MARKDOWN = re.compile(r"!\[(?P<text>[^\]]*)\]\((?P<file>[^)]+)\)")
TAG = re.compile(r"<(?:img|source)\b[^>]*>")
ATTRIBUTE = re.compile(r'\b(src|srcset|alt)="([^"]*)"')
# A word or two say less than the name of the file.
FEWEST_WORDS = 4
MOST_BYTES = 1_000_000


class Picture(NamedTuple):
    """A picture as a page shows it; a source in another theme has the text of its image."""

    file: str
    text: str | None


def pictures(text: str) -> list[Picture]:
    """Return the pictures of a page."""
    found = [Picture(match["file"], match["text"]) for match in MARKDOWN.finditer(text)]
    for tag in TAG.findall(text):
        given = dict(ATTRIBUTE.findall(tag))
        if "srcset" in given:
            found.append(Picture(given["srcset"], None))
        else:
            found.append(Picture(given.get("src", ""), given.get("alt", "")))
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_picture_is_there_and_told_in_words(page: Path) -> None:
    """Whoever can't see it reads what it shows."""
    shown = pictures(page.read_text(encoding="utf-8"))
    assert [one.file for one in shown if not (page.parent / one.file).is_file()] == []
    mute = [one.file for one in shown if one.text is not None]
    told = [one.file for one in shown if one.text and len(one.text.split()) >= FEWEST_WORDS]
    assert told == mute


def test_a_picture_without_words_is_found() -> None:
    """The check can fail, in both ways to show one."""
    page = '![](a.png) <img src="b.png"> <source srcset="c.png"> ![x](d.png)'
    assert pictures(page) == [("a.png", ""), ("d.png", "x"), ("b.png", ""), ("c.png", None)]


def test_every_picture_that_is_taken_is_shown() -> None:
    """The script takes what the folder holds, and pages show all of it."""
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {f"{name}.png" for name in SHOTS}
    shown = {
        (page.parent / one.file).resolve()
        for page in pages()
        for one in pictures(page.read_text(encoding="utf-8"))
    }
    assert {FOLDER / file for file in files} - shown == set()


def test_pictures_are_small() -> None:
    """Each has a palette and its size; together they are less than a megabyte."""
    for name, shot in SHOTS.items():
        head = (FOLDER / f"{name}.png").read_bytes()[:26]
        width, height, _, colours = struct.unpack(">IIBB", head[16:26])
        assert ((width, height), colours) == (shot.size, 3), name
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES

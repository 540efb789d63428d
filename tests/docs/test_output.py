from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks, pages

PRINTED = [
    pytest.param(program, shown, id=page.name)
    for page in pages()
    for program, shown in pairwise(blocks(page))
    if shown.mark == "output"
]


@pytest.mark.parametrize(("program", "shown"), PRINTED)
def test_a_block_prints_what_the_page_shows(program: Block, shown: Block, tmp_path: Path) -> None:
    """A block marked ``output`` is what the block above it prints, to the letter."""
    answer = subprocess.run(
        [sys.executable, "-c", program.text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == shown.text


def test_output_is_found() -> None:
    """The check can fail: there are pages that show output."""
    assert "clock-changes.md" in {parameter.id for parameter in PRINTED}

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.docs.pages import Block, blocks, commands, pages

SHELL = {"sh", "bash", "console"}
WITH_PYTHON = [page for page in pages() if any(b.language == "python" for b in blocks(page))]


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder as a user would, and expect success."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("SONIQ_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    answer = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "PATH": path, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, f"{command}\n{answer.stdout}\n{answer.stderr}"


def run_block(block: Block, folder: Path) -> None:
    """Run a Python block as the file that its first line names, or a shell block marked ``run``."""
    if block.language == "python":
        first = block.text.partition("\n")[0]
        file = folder / (first.removeprefix("# ") if first.startswith("# ") else "quickstart.py")
        file.write_text(block.text, encoding="utf-8")
        run([sys.executable, file.name], folder)
    elif block.mark == "run":
        for command in commands(block.text):
            run(command.split(), folder)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_every_block_runs(page: Path, tmp_path: Path) -> None:
    """The blocks of a page, run from top to bottom in an empty folder, all succeed."""
    for block in blocks(page):
        run_block(block, tmp_path)


def test_pages_with_code_are_found() -> None:
    """The check can fail: the README's quickstart and the tutorial are among the pages."""
    assert {"README.md", "tutorial.md"} <= {page.name for page in WITH_PYTHON}


def test_the_two_commands_stand_in_the_readme() -> None:
    """The README prints the two commands that do everything on a fresh machine."""
    shell = [block.text.strip() for block in blocks(ROOT / "README.md") if block.language in SHELL]
    assert shell == ["pip install uv && uv run soniq demo", "pip install uv && uv run pytest"]

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

CASES = Path(__file__).parent / "cases"
MARK = re.compile(r"#\s*error\s*$")
SHOWN = re.compile(r"assert_type\(|^\s+await |^\s*@app\.")
FEWEST_CASES = 30

pytestmark = pytest.mark.timeout(240)  # the first run of a checker on a slow machine


def marked() -> set[str]:
    """Return ``file:line`` of every line that says that it is wrong."""
    return {
        f"{path.name}:{number}"
        for path in sorted(CASES.glob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MARK.search(line)
    }


def run(*command: str) -> str:
    """Run a checker of this environment and return what it printed."""
    program = Path(sys.executable).with_name(command[0])
    answer = subprocess.run(
        [str(program), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.stdout, answer.stderr
    return answer.stdout


def mypy(folder: Path) -> set[str]:
    """Return ``file:line`` of every error that mypy finds in the cases."""
    report = run("mypy", "--strict", "--no-error-summary", f"--cache-dir={folder}", str(CASES))
    pattern = re.compile(r"cases/(\w+\.py):(\d+): error:")
    return {f"{name}:{line}" for name, line in pattern.findall(report)}


def pyright(folder: Path) -> set[str]:
    """Return ``file:line`` of every error that pyright finds in the cases."""
    config = folder / "pyrightconfig.json"
    settings = {
        "include": [os.path.relpath(CASES, folder)],  # pyright passes over absolute paths
        "extraPaths": [str(ROOT / "src")],
        "reportUnusedExpression": False,
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    report = run("pyright", "--outputjson", f"--project={config}", "--pythonpath", sys.executable)
    return {
        f"{Path(found['file']).name}:{found['range']['start']['line'] + 1}"
        for found in json.loads(report)["generalDiagnostics"]
        if found["severity"] == "error"
    }


@pytest.mark.parametrize("check", [mypy, pyright])
def test_checkers_find_exactly_the_marked_lines(
    check: Callable[[Path], set[str]], tmp_path: Path
) -> None:
    """Each checker refuses every line marked as an error, and no other."""
    found = check(tmp_path)
    expected = marked()
    assert {"missed": expected - found, "unexpected": found - expected} == {
        "missed": set(),
        "unexpected": set(),
    }


def test_there_are_cases_of_both_kinds() -> None:
    """At least thirty lines must pass and at least thirty must be refused."""
    lines = "\n".join(path.read_text(encoding="utf-8") for path in CASES.glob("*.py")).splitlines()
    passing = [line for line in lines if SHOWN.search(line) and not MARK.search(line)]
    assert len(marked()) >= FEWEST_CASES
    assert len(passing) >= FEWEST_CASES

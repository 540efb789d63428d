"""From an error to an exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from soniq import errors
from soniq.cli.exits import Exit, code_of, explained
from tests.support.processes import unmeasured

IMPORTS_OF_HELP = """
import sys
sys.argv = ["soniq", "--help"]
from soniq.cli.main import run
try:
    run()
except SystemExit as end:
    assert end.code == 0, end.code
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DatabaseUnreachable("x"), 4),
        (errors.JobNotFound("x"), 5),
        (errors.ConfigurationError("x"), 2),
        (errors.InvalidOption("x"), 2),
        (errors.DiscoveryError("x"), 2),
        (errors.SchemaNotReady("x"), 1),
        (errors.SoniqError("x"), 1),
        (ValueError("x"), 1),
    ],
)
def test_errors_have_exit_codes(error: Exception, code: int) -> None:
    """Scripts can tell what kind of failure it was."""
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.JobNotFound("No job \x1b7."), 5, "Error: No job \\x1b7.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (typer.Abort(), 130, "Interrupted.\n"),
    ],
)
def test_errors_are_told_on_stderr(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line without a traceback, nothing on stdout."""
    with pytest.raises(typer.Exit) as end, explained():
        raise error
    assert end.value.exit_code == code
    assert capsys.readouterr() == ("", said)


def test_a_bug_names_the_way_to_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw is told in a line, too, and where to find more."""
    with pytest.raises(typer.Exit) as end, explained():
        raise ZeroDivisionError("oops")
    assert end.value.exit_code == Exit.FAILED
    said = capsys.readouterr().err
    assert said.startswith("Error: ZeroDivisionError: oops\n")
    assert "soniq --debug" in said
    assert "Traceback" not in said


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """With --debug the traceback comes first."""
    with pytest.raises(typer.Exit), explained(debug=True):
        raise ZeroDivisionError("oops")
    assert capsys.readouterr().err.startswith("Traceback (most recent call last)")


def test_usage_errors_are_left_to_typer() -> None:
    """They know their text and their code."""
    with pytest.raises(typer.BadParameter), explained():
        raise typer.BadParameter("x")


def test_help_imports_nothing_heavy() -> None:
    """``soniq --help`` loads no driver, no pydantic, no event loop, no Rich."""
    shown = subprocess.run(
        [sys.executable, "-c", IMPORTS_OF_HELP],
        capture_output=True,
        text=True,
        check=True,
        env=unmeasured(),
    )
    heavy = {"pydantic", "pydantic_settings", "asyncpg", "sqlite3", "asyncio", "rich"}
    assert heavy.isdisjoint(shown.stderr.split())
    assert all(name in shown.stdout for name in ("setup", "worker", "demo", "dead-letter"))

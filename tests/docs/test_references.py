from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

import soniq.errors
from soniq.cli.commands import app
from soniq.cli.exits import Exit
from soniq.doctor.checks import CHECKS
from soniq.errors import SoniqError
from soniq.settings import Settings
from tests.architecture.sources import ROOT, SOURCE
from tests.docs.pages import blocks, commands, pages, rows

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)[^)]*\)")


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every command that does something, as it is typed."""
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(["soniq", *path])
        return
    for name, child in children.items():
        yield from leaves(child, (*path, name))


COMMANDS = set(leaves(typer.main.get_command(app)))


# Defaults that depend on the machine are told in words.
MEASURED = {"process_pool_size": "number of CPUs"}


def shown(default: object) -> str:
    """Return a default as the settings page writes it."""
    if default is None or default == ():
        return "none"
    return f"{default:.15g}" if isinstance(default, float) else str(default)


def test_every_setting_is_described_with_its_default() -> None:
    """The settings page names each setting once, in order, with the default that is in force."""
    described = [(row[0], row[1]) for row in rows(REFERENCE / "settings.md")[2:]]
    assert described == [
        (name, MEASURED.get(name) or shown(field.default))
        for name, field in Settings.model_fields.items()
    ]


def test_every_error_is_described_with_its_code() -> None:
    """The errors page names each error once, with its code and the built-in that it is."""
    kinds = [
        kind
        for _, kind in inspect.getmembers(soniq.errors, inspect.isclass)
        if issubclass(kind, SoniqError)
    ]
    described = {(row[0], row[1], row[2]) for row in rows(REFERENCE / "errors.md")[2:]}
    assert described == {(kind.__name__, kind.code, built_in(kind)) for kind in kinds}


def built_in(kind: type[SoniqError]) -> str:
    """Return the name of the built-in error that a class also is, or nothing."""
    names = [
        base.__name__
        for base in kind.__bases__
        if not issubclass(base, SoniqError) and base is not Exception
    ]
    return ", ".join(names)


def test_error_codes_are_unique() -> None:
    """No two errors share a code."""
    codes = [row[1] for row in rows(REFERENCE / "errors.md")[2:]]
    assert len(set(codes)) == len(codes)


def test_every_command_is_described() -> None:
    """The page of the command line names each command, and no other."""
    described = {row[0] for row in rows(REFERENCE / "cli.md") if row[0].startswith("soniq ")}
    assert described == COMMANDS


def test_every_exit_code_is_described() -> None:
    """The page of the command line names each exit code."""
    described = {int(row[0]) for row in rows(REFERENCE / "cli.md") if row[0].isdigit()}
    assert described == {int(code) for code in Exit}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Every ``soniq`` command in a block exists, and every link to a file has its file."""
    typed = [c for b in blocks(page) if b.language in {"sh", "bash"} for c in commands(b.text)]
    assert [c for c in typed if not any(f"{c} ".startswith(f"{k} ") for k in COMMANDS)] == []
    targets = [t for t in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in t]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_module_stands_in_the_tree() -> None:
    """ARCHITECTURE.md shows every module of the top level and every file of the packages."""
    tree = "\n".join(b.text for b in blocks(ROOT / "ARCHITECTURE.md") if b.language == "text")
    words = set(re.findall(r"[\w.]+", tree))
    names = {
        path.name if path.name != "__init__.py" else path.parent.name
        for path in SOURCE.rglob("*.py")
    }
    assert sorted(names - words - {"soniq"}) == []


WHERE = {
    ("postgres",): "PostgreSQL",
    ("sqlite",): "SQLite",
    ("postgres", "sqlite"): "PostgreSQL, SQLite",
    ("postgres", "sqlite", "memory"): "everywhere",
}


def test_every_check_is_described() -> None:
    """The doctor's page names each check once, in order, with its title and where it is made."""
    described = [tuple(row[:3]) for row in rows(REFERENCE / "doctor.md")[2:]]
    assert described == [(one.id, one.title, WHERE[one.backends]) for one in CHECKS.values()]

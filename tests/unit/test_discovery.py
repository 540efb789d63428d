"""Importing job modules and finding the object in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from soniq import discovery
from soniq.errors import DiscoveryError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable working directory; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    discovery.add_folder(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, name: str, text: str) -> None:
    """Write a module."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"from decimal import Decimal\n{text}\n")


def refused(target: str) -> str:
    """Return the message of the refusal."""
    with pytest.raises(DiscoveryError) as refusal:
        discovery.find(target, Decimal)
    return str(refusal.value)


def test_an_object_is_found_by_name(folder: Path) -> None:
    """``module:name`` and ``module:holder.name`` lead to the object."""
    write(folder, "found_a.py", "app = Decimal(1)\nclass Holder:\n    app = Decimal(2)")
    assert discovery.find("found_a:app", Decimal) == 1
    assert discovery.find("found_a:Holder.app", Decimal) == 2


def test_the_only_object_needs_no_name(folder: Path) -> None:
    """One object under two names is still one, across modules, too."""
    write(folder, "found_b.py", "app = same = Decimal(1)")
    write(folder, "found_c.py", "from found_b import app")
    assert discovery.find("found_b", Decimal) == 1
    assert discovery.find_in(["found_b", "found_c"], Decimal) == 1


def test_several_objects_are_named(folder: Path) -> None:
    """The message lists what could be meant."""
    write(folder, "found_d.py", "one = Decimal(1)\ntwo = Decimal(2)")
    assert "found_d:one or found_d:two" in refused("found_d")


def test_no_object_tells_how_to_make_one(folder: Path) -> None:
    """The message shows the line that is missing."""
    write(folder, "found_e.py", "")
    assert "`app = Decimal()`" in refused("found_e")


def test_a_wrong_name_is_answered_with_the_right_one(folder: Path) -> None:
    """The object that is there is suggested; another class is told from it."""
    write(folder, "found_f.py", "app = Decimal(1)\nother = 'text'")
    assert "Did you mean 'found_f:app'?" in refused("found_f:ap")
    assert "is of class str, not Decimal" in refused("found_f:other")


def test_a_missing_module_is_answered_with_its_neighbour(folder: Path) -> None:
    """A module or package in the same folder with nearly the name is suggested."""
    write(folder, "billing.py", "")
    write(folder, "shop/__init__.py", "")
    write(folder, "shop/jobs.py", "")
    assert "Did you mean 'billing'?" in refused("biling:app")
    assert "Did you mean 'shop.jobs'?" in refused("shop.job:app")
    assert str(folder) in refused("nothing_like_it:app")


def test_a_module_that_raises_is_told_from_a_missing_one(folder: Path) -> None:
    """Also where what it misses is a module."""
    write(folder, "found_g.py", "import not_installed_here")
    write(folder, "found_h.py", "1 / 0")
    assert "raised while it was imported: ModuleNotFoundError" in refused("found_g")
    assert "raised while it was imported: ZeroDivisionError" in refused("found_h:app")


@pytest.mark.parametrize("target", ["", ":app", "a b", "shop..jobs", "-x"])
def test_what_is_no_name_is_refused(folder: Path, target: str) -> None:
    """The message shows what a module name looks like."""
    assert "dotted words such as shop.jobs" in refused(target)


def test_a_path_is_answered_with_the_module(folder: Path) -> None:
    """Whoever gives the file is told its name as a module."""
    assert "shop.jobs instead of the path" in refused("shop/jobs.py")

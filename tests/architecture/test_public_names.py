from __future__ import annotations

import importlib
import importlib.util

import soniq

PUBLIC = [
    "JobContext",
    "JobStatus",
    "Snooze",
    "Soniq",
    "TaskRef",
    "cron",
    "daily",
    "every",
    "monthly",
    "task_ref",
    "weekly",
]


def test_public_names_are_pinned() -> None:
    """A public name comes or goes only together with this list."""
    assert soniq.__all__ == PUBLIC


def test_public_names_are_sorted() -> None:
    """``__all__`` is in alphabetical order, capitals first."""
    assert sorted(soniq.__all__) == soniq.__all__


def test_public_names_resolve() -> None:
    """Each public name can be imported and comes from the module that ``HOMES`` says."""
    for name in PUBLIC:
        home = importlib.import_module(soniq.HOMES[name])
        assert getattr(soniq, name) is getattr(home, name)


def test_no_module_shadows_a_public_name() -> None:
    """No module of the package is called like a public function: importing it would hide that."""
    for name in PUBLIC:
        assert importlib.util.find_spec(f"soniq.{name}") is None

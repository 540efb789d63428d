"""What must hold on narrow terminals and for careless URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from soniq.cli.escape import mask_url
from soniq.cli.load import default_file
from soniq.cli.render import GAP, LEAST, squeezed

WIDTHS = {"id": 36, "task": 30, "reason": 20, "error": 90}
CANARY = "s3cret"


def total(widths: dict[str, int]) -> int:
    """Return how wide a table of such columns is."""
    return sum(widths.values()) + GAP * (len(widths) - 1)


def test_a_table_that_fits_is_left_alone() -> None:
    """With room enough every column is as wide as its widest cell."""
    assert squeezed(WIDTHS, 200, ["error"], ["task"]) == WIDTHS


def test_errors_make_room_before_names_do() -> None:
    """The first group gives way as far as it can before the next one does."""
    shown = squeezed(WIDTHS, 120, ["error"], ["task"])
    assert shown == WIDTHS | {"error": 28}
    assert total(shown) == 120
    shown = squeezed(WIDTHS, 95, ["error"], ["task"])
    assert shown == WIDTHS | {"error": LEAST, "task": 24}
    assert total(shown) == 95


def test_ids_are_never_cut() -> None:
    """A table of ids is too wide rather than wrong."""
    shown = squeezed(WIDTHS, 40, ["error", "absent"], ["task"])
    assert shown == {"id": 36, "task": LEAST, "reason": 20, "error": LEAST}


@pytest.mark.parametrize("special", ["@", "/", "?", "#", ":", "%", " ", "\n", "@@/", "/@?"])
def test_passwords_that_should_have_been_encoded_are_masked(special: str) -> None:
    """A special character in a password lets nothing of it through, wherever it stands."""
    for password in (
        CANARY + special,
        special + CANARY,
        f"{CANARY}{special}{CANARY}",
    ):
        assert CANARY not in mask_url(f"postgresql://me:{password}@db/shop")


def test_looking_means_the_default_file_only_where_nothing_else_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL, another backend and production each end the guessing."""
    monkeypatch.chdir(tmp_path)
    assert default_file() == f"sqlite:///{tmp_path}/soniq.db"
    for name, value in (
        ("SONIQ_DATABASE_URL", "postgresql://db/shop"),
        ("SONIQ_BACKEND", "memory"),
        ("SONIQ_ENVIRONMENT", "production"),
    ):
        with monkeypatch.context() as context:
            context.setenv(name, value)
            assert default_file() is None

"""Who is at the keyboard."""

from __future__ import annotations

import getpass
import socket

import pytest

from soniq.cli.actor import actor


def test_a_person_has_a_name_and_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login name, at the name of the host."""
    monkeypatch.setenv("LOGNAME", "ana")
    assert actor() == f"cli:ana@{socket.gethostname()}"


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_who_has_no_name_has_a_number(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """In a container that runs as a number, that number it is."""

    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert actor() == f"cli:uid-4711@{socket.gethostname()}"

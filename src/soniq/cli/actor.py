"""Who is at the keyboard, as ``soniq audit`` names them."""

from __future__ import annotations

import getpass
import os
import socket


def actor() -> str:
    """Return ``cli:user@host``; a user without a name has a number, as in many containers."""
    return f"cli:{user()}@{socket.gethostname()}"


def author(by: str | None) -> str:
    """Return who does it: whom ``--by`` names, else who is at the keyboard.

    Raises:
        InvalidOption: a name that is empty, too long, or not printable.
    """
    from soniq.options import check_text  # noqa: PLC0415 - `soniq --help` needs none of it

    return actor() if by is None else check_text("by", by)


def user() -> str:
    """Return the login name that the environment or the system knows, else ``uid-1000``."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # Python 3.13 has made one of the other
        return f"uid-{os.getuid()}"

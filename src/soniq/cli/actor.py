"""Who is at the keyboard, as ``soniq audit`` names them."""

from __future__ import annotations

import getpass
import os
import socket


def actor() -> str:
    """Return ``cli:user@host``; a user without a name has a number, as in many containers."""
    return f"cli:{user()}@{socket.gethostname()}"


def user() -> str:
    """Return the login name that the environment or the system knows, else ``uid-1000``."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # Python 3.13 has made one of the other
        return f"uid-{os.getuid()}"

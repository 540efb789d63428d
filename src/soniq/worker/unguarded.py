"""Refuse a worker that the main script would start again in the process of a job."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Event

from soniq.errors import ConfigurationError

IMPORTING = Event()


@contextmanager
def importing_main() -> Generator[None]:
    """Import the main script in here: it may define handlers, but not start workers."""
    IMPORTING.set()
    try:
        yield
    finally:
        IMPORTING.clear()


def refuse_workers() -> None:
    """Raise ConfigurationError while the main script is being imported for its handlers."""
    if IMPORTING.is_set():
        message = (
            "The main script starts a worker whenever it is imported, also in the processes of its "
            "own jobs: put what it does under `if __name__ == '__main__':`."
        )
        raise ConfigurationError(message)

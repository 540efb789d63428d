"""``soniq top`` on a real terminal, and how it ends."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import termios
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soniq import Soniq
from tests.system.conftest import SONIQ


def read_until(terminal: int, wanted: bytes) -> bytes:
    """Return what was written up to the wanted text, or to the end."""
    written = b""
    while wanted not in written:
        try:
            written += os.read(terminal, 65_536)
        except OSError:  # how Linux says that the other side has closed
            break
    return written


@contextmanager
def started(database: Path, terminal: int) -> Generator[subprocess.Popen[bytes]]:
    """Start ``soniq top`` on a terminal, with a queue to show; no block leaves it running."""

    async def fill() -> None:
        async with Soniq(database_url=str(database), enqueue_validation="none") as app:
            await app.enqueue("math.doubles", queue="numbers")

    asyncio.run(fill())
    # Where these tests run in the background Ctrl-C may be ignored, and children would inherit it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [SONIQ, "top", "--database-url", str(database)],
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("way", "code"), [("q", 0), ("SIGINT", 130)])
def test_it_ends(sqlite_path: Path, way: str, code: int) -> None:
    """By q or Ctrl-C; the terminal is then as it was before."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with started(sqlite_path, theirs) as process:
        assert b"numbers" in read_until(ours, b"numbers")
        assert termios.tcgetattr(theirs) != before
        if way == "q":
            os.write(ours, b"q")
        else:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == code
    assert termios.tcgetattr(theirs) == before
    # The screen of before is shown again.
    os.close(theirs)
    assert b"\x1b[?1049l" in read_until(ours, b"\x1b[?1049l")
    os.close(ours)


def test_it_ends_with_its_terminal(sqlite_path: Path) -> None:
    """It does not go on, and keep a processor busy, where nobody can see it any more."""
    ours, theirs = pty.openpty()
    with started(sqlite_path, theirs) as process:
        os.close(theirs)
        assert b"numbers" in read_until(ours, b"numbers")
        os.close(ours)
        process.wait(20)

"""Hear a key that is pressed on the terminal, without waiting for the end of a line."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Generator
from contextlib import contextmanager, suppress

QUIT = b"qQ"


@contextmanager
def quitting() -> Generator[asyncio.Event]:
    """Set the event when q is pressed or the terminal goes away; without one it never is."""
    pressed = asyncio.Event()
    if not sys.stdin.isatty():
        yield pressed
        return
    loop, keyboard = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        try:
            keys = os.read(keyboard, 64)
        except OSError:  # how Linux says at first that the other side has closed
            keys = b""
        if not keys:
            loop.remove_reader(keyboard)  # it would be readable for ever
        if not keys or any(key in QUIT for key in keys):
            pressed.set()

    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    loop.add_reader(keyboard, read)
    try:
        yield pressed
    finally:
        loop.remove_reader(keyboard)
        with suppress(termios.error):  # it is gone
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

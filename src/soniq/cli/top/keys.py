"""Hear a key that is pressed on the terminal, without waiting for the end of a line."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Generator
from contextlib import contextmanager

QUIT = b"qQ"


@contextmanager
def quitting() -> Generator[asyncio.Event]:
    """Set the event when q is pressed; without a terminal it never is."""
    pressed = asyncio.Event()
    if not sys.stdin.isatty():
        yield pressed
        return
    loop, keyboard = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        if any(key in QUIT for key in os.read(keyboard, 64)):
            pressed.set()

    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    loop.add_reader(keyboard, read)
    try:
        yield pressed
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

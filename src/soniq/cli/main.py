"""The command ``soniq``: its overview at once, all else by Typer."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from soniq.cli.overview import overview


def run() -> None:
    """Run the command line of this process and exit with the code that it came to."""
    # A terminal that can't show a character must not end a command half-way.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(overview())
        return
    from soniq.cli.commands import app  # noqa: PLC0415 - Typer alone takes longer than all above

    app()

"""From what went wrong to an exit code and a few lines on stderr: the only place that does so."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

import typer

from soniq.cli.escape import escape
from soniq.errors import (
    ConfigurationError,
    DatabaseUnreachable,
    DiscoveryError,
    InvalidOption,
    InvalidSearch,
    JobNotFound,
    ScheduleNotFound,
    SoniqError,
    WorkerNotFound,
)


class Exit(IntEnum):
    """What the exit codes of ``soniq`` mean."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PROBLEMS = 3
    UNREACHABLE = 4
    NOT_FOUND = 5
    INTERRUPTED = 130
    BROKEN_PIPE = 141


CODES: tuple[tuple[type[SoniqError], Exit], ...] = (
    (DatabaseUnreachable, Exit.UNREACHABLE),
    (JobNotFound, Exit.NOT_FOUND),
    (ScheduleNotFound, Exit.NOT_FOUND),
    (WorkerNotFound, Exit.NOT_FOUND),
    (ConfigurationError, Exit.USAGE),
    (InvalidOption, Exit.USAGE),
    (InvalidSearch, Exit.USAGE),
    (DiscoveryError, Exit.USAGE),
)


def code_of(error: BaseException) -> Exit:
    """Return the exit code that tells a script what kind of failure this is."""
    for kind, code in CODES:
        if isinstance(error, kind):
            return code
    return Exit.FAILED


@contextmanager
def explained(*, debug: bool = False) -> Generator[None]:
    """End the command with the right exit code, and with words, where the body raises.

    ``debug`` shows the traceback, too. Typer's own exceptions pass: they know their codes.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any more. What Python flushes at exit must not raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.BROKEN_PIPE) from None
    except (KeyboardInterrupt, typer.Abort):  # Typer aborts where it was asked in a prompt
        typer.echo("Interrupted.", err=True)
        raise typer.Exit(Exit.INTERRUPTED) from None
    except SoniqError as error:
        show(str(error), error, debug=debug)
        raise typer.Exit(code_of(error)) from None
    except Exception as error:
        if is_command_line(error):
            disarm(error)
            raise
        what = f"{type(error).__name__}: {error}"
        cure = "" if debug else "\nThis should not happen. `soniq --debug …` shows where it did."
        show(f"{what}{cure}", error, debug=debug)
        raise typer.Exit(Exit.FAILED) from None


def fail(message: str, code: Exit = Exit.FAILED) -> typer.Exit:
    """Say what is wrong on stderr and return the exception that ends the command."""
    typer.echo(f"Error: {escape(message, lines=True)}", err=True)
    return typer.Exit(code)


def show(message: str, error: BaseException, *, debug: bool) -> None:
    """Print an error on stderr; its traceback first, if wanted."""
    if debug:
        trace = "".join(traceback.format_exception(error))
        typer.echo(escape(trace, lines=True), err=True)
    typer.echo(f"Error: {escape(message, lines=True)}", err=True)


def is_command_line(error: Exception) -> bool:
    """Tell whether it is Typer's own: an exit or a usage error."""
    return isinstance(error, typer.Exit) or hasattr(error, "exit_code")


def disarm(error: Exception) -> None:
    """Spell out what a terminal could obey in an error that Typer is about to show."""
    for name, value in list(vars(error).items()):
        if isinstance(value, str):
            setattr(error, name, escape(value, lines=True))

"""All commands, assembled; nothing heavy is imported before one runs."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import typer

from soniq import __version__
from soniq.cli import (
    audit,
    completion,
    config,
    dashboard,
    dead_letter,
    doctor,
    jobs,
    queues,
    scheduler,
    schedules,
    setup,
    status,
    worker,
    workers,
)
from soniq.cli.demo import command as demo
from soniq.cli.exits import explained
from soniq.cli.group import Group
from soniq.cli.overview import DESCRIPTION
from soniq.cli.top import command as top


class Commands(Group):
    """All commands under one rule for errors and exit codes."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read the options that stand before a command."""
        with explained():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        if ctx.invoked_subcommand not in {"worker", "scheduler", "dashboard"}:
            # Whoever asks for the state of a queue has no use for a line of our source.
            warnings.formatwarning = tell_warning
        with explained(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


def tell_warning(message: Warning | str, *_: object, **__: object) -> str:
    """Return a warning in one line."""
    return f"Warning: {message}\n"


app = typer.Typer(
    name="soniq",
    cls=Commands,
    help=DESCRIPTION,
    no_args_is_help=True,
    add_completion=False,
    # Typer would import half of Rich to paint the help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("setup")(setup.setup)
app.command("worker")(worker.worker)
app.command("scheduler")(scheduler.scheduler)
app.command("demo")(demo.demo)
app.command("status")(status.status)
app.command("why")(jobs.why)
app.command("top")(top.top)
app.command("dashboard")(dashboard.dashboard)
app.add_typer(jobs.app, name="jobs")
app.add_typer(queues.app, name="queues")
app.add_typer(workers.app, name="workers")
app.add_typer(schedules.app, name="schedules")
app.add_typer(dead_letter.app, name="dead-letter")
app.add_typer(config.app, name="config")
app.command("completion")(completion.completion)
app.command("audit")(audit.audit)
app.command("doctor")(doctor.doctor)
app.command("migrate-status")(status.migrate_status)


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"soniq {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Background jobs for Python in the database that you already have."""
    del debug, version  # read where the command is run

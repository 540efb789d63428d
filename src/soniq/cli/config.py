"""``soniq config show``: every setting, what it is, and where that comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soniq.cli import render
from soniq.cli.escape import MASK, mask_url
from soniq.cli.group import Group
from soniq.cli.options import AsJson, DatabaseUrl, Target
from soniq.job import Row

if TYPE_CHECKING:
    from soniq.settings import Settings

app = typer.Typer(cls=Group, help="Look at the settings.", no_args_is_help=True)
Origin = Annotated[bool, typer.Option("--origin", "-o", help="Tell where each value comes from.")]


@dataclass(frozen=True, slots=True, eq=False)
class Setting(Row):
    """One setting. ``origin``: ``keyword`` (or an option), ``environment`` or ``default``."""

    name: str
    value: Any
    origin: str
    variable: str


# A callback of its own keeps `show` a subcommand though it is the only one.
@app.callback()
def config() -> None:
    """Look at the settings."""


@app.command()
def show(
    target: Target = None,
    *,
    origin: Origin = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show every setting; those of an app with its keywords, else those of the environment.

    Passwords and keys are never shown.
    """
    settings = settings_of(target, database_url)
    shown = describe(settings)
    if as_json:
        render.document(shown)
        return
    render.table(setting_table(shown, with_origin=origin or not render.on_terminal()))


def settings_of(target: str | None, database_url: str | None) -> Settings:
    """Return the settings of the app that is named, or those that one without keywords has."""
    from soniq import settings as configuration  # noqa: PLC0415 - pydantic takes its time

    if target is None:
        return configuration.load(database_url=database_url or None)
    from soniq.cli.worker_run import find_app  # noqa: PLC0415 - so does a whole app

    return find_app(target).settings


def describe(settings: Settings) -> list[Setting]:
    """Return every setting with its value, as it may be shown, and its origin."""
    from soniq import settings as configuration  # noqa: PLC0415

    return [
        Setting(
            name=name,
            value=public(name, getattr(settings, name)),
            origin=configuration.origin(settings, name),
            variable=f"{configuration.PREFIX}{name.upper()}",
        )
        for name in type(settings).model_fields
    ]


def public(name: str, value: Any) -> Any:
    """Return a value that may be shown: a database URL without its password, nothing of a key."""
    if not hasattr(value, "get_secret_value"):
        return value
    return mask_url(value.get_secret_value()) if name == "database_url" else MASK


def setting_table(shown: Sequence[Setting], *, with_origin: bool) -> render.Table:
    """Return one line per setting."""
    columns = ("setting", "value", "origin", "variable")
    rows = [(one.name, written(one.value), one.origin, one.variable) for one in shown]
    if not with_origin:
        return render.Table(columns[:2], [row[:2] for row in rows], folded=("value",))
    return render.Table(columns, rows, folded=("value",), wide={"variable": 100})


def written(value: Any) -> object:
    """Return a value as it is written in the environment, where that is text or a number."""
    if render.is_nested(value):
        return ",".join(map(str, value)) or None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.15g}" if is_number else value

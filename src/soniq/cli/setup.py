"""``soniq setup``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soniq.cli import load, render
from soniq.cli.options import DatabaseUrl

if TYPE_CHECKING:
    from soniq.app import Soniq


def setup(database_url: DatabaseUrl = None) -> None:
    """Create the database if it is missing and bring its tables up to date.

    Safe to run again, and by many at once.
    """
    load.run_unchecked(database_url, set_up)


async def set_up(app: Soniq) -> None:
    """Apply what is pending and say what that was."""
    applied = await app.setup()
    for migration in applied:
        render.remark(f"Applied {migration.version:04} {migration.name}")
    what = "is ready" if applied else "was up to date"
    render.remark(f"The schema at {load.place_of(app)} {what}.")

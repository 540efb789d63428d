"""Open the app that a command works on, and run the command's work on it."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from soniq.cli.escape import mask_url

if TYPE_CHECKING:
    from soniq.app import Soniq

T = TypeVar("T")


def run(database_url: str | None, work: Callable[[Soniq], Awaitable[T]]) -> T:
    """Return what ``work`` makes of the app on this database; the app is closed afterwards.

    Nothing is created: where there are no tables yet, that is said.

    Raises:
        SchemaNotReady: there is nothing to work on.
        DatabaseUnreachable: nobody answers.
    """

    async def opened(app: Soniq) -> T:
        await refuse_empty(app)
        return await work(app)

    return run_unchecked(database_url or default_file(), opened)


def default_file() -> str | None:
    """Return the URL of the default file where that is what is meant, else None.

    Whoever only looks need not be warned of it: the one who made the file was.
    """
    from pathlib import Path  # noqa: PLC0415

    from soniq import settings as configuration  # noqa: PLC0415
    from soniq.backends import DEFAULT_FILE  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # given again by the app that is made next
        settings = configuration.load()
    if settings.database_url or settings.production or settings.backend not in {None, "sqlite"}:
        return None
    return f"sqlite:///{Path(DEFAULT_FILE).absolute()}"


def run_unchecked(database_url: str | None, work: Callable[[Soniq], Awaitable[T]]) -> T:
    """Return what ``work`` makes of the app, also where there are no tables yet."""
    # Imported late: `soniq --help` needs none of it and is to be quick.
    import asyncio  # noqa: PLC0415

    from soniq.app import Soniq  # noqa: PLC0415

    async def whole() -> T:
        app = Soniq(database_url=database_url or None)
        try:
            return await work(app)
        finally:
            await app.close()

    return asyncio.run(whole())


async def refuse_empty(app: Soniq) -> None:
    """Raise SchemaNotReady where no migration was ever applied: looking must not create a file."""
    from soniq.errors import SchemaNotReady  # noqa: PLC0415

    migrations = await app.migrations()
    if migrations and all(migration.applied_at is None for migration in migrations):
        message = (
            f"There are no jobs at {place_of(app)}: Soniq's tables are missing. Run `soniq setup` "
            "to make them, or point --database-url (SONIQ_DATABASE_URL) to where the jobs are."
        )
        raise SchemaNotReady(message)


def place_of(app: Soniq) -> str:
    """Return where an app keeps its jobs, in words that may be shown: never the password."""
    from pathlib import Path  # noqa: PLC0415

    from soniq.backends import DEFAULT_FILE  # noqa: PLC0415

    url = app.settings.database_url
    if app.backend.name == "memory":
        return "memory"
    if url is None:
        return f"sqlite:///{Path(DEFAULT_FILE).absolute()}"
    return mask_url(url.get_secret_value())

"""Find the backend for a database URL: the only place that knows all three."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import urlsplit

from soniq.backends.contract import Backend
from soniq.clock import Clock
from soniq.errors import ConfigurationError
from soniq.settings import Settings

logger = logging.getLogger("soniq")

SQLITE_SUFFIXES = (".db", ".sqlite", ".sqlite3")
DEFAULT_FILE = "soniq.db"


def connect(settings: Settings, clock: Clock) -> Backend:
    """Return the unopened backend that the settings ask for.

    Raises:
        ConfigurationError: a URL of no known kind, none in production, or one that does not go
            with ``backend``.
    """
    url = settings.database_url.get_secret_value() if settings.database_url else None
    kind = settings.backend or (kind_of(url) if url else default_kind(settings))
    match kind:
        case "memory":
            from soniq.backends.memory import MemoryBackend  # noqa: PLC0415 - only what is used

            return MemoryBackend(clock, rollups=settings.rollups)
        case "sqlite":
            from soniq.backends.sqlite import SqliteBackend  # noqa: PLC0415

            return SqliteBackend(sqlite_path(url), clock, rollups=settings.rollups)
        case _:
            from soniq.backends.postgres import PostgresBackend  # noqa: PLC0415

            return PostgresBackend(postgres_url(url), settings, clock)


def kind_of(url: str) -> str:
    """Return the kind of backend that a URL or path names."""
    scheme = urlsplit(url).scheme
    if scheme in {"postgresql", "postgres"}:
        return "postgres"
    if scheme == "sqlite" or (not scheme and url.endswith(SQLITE_SUFFIXES)):
        return "sqlite"
    what = f"a {scheme!r} URL" if scheme else "this path"
    message = (
        f"database_url: {what} is of no known kind. Give postgresql://user@host/name, "
        "sqlite:///path, or a path that ends in .db, .sqlite or .sqlite3."
    )
    raise ConfigurationError(message)


def default_kind(settings: Settings) -> str:
    """Return ``sqlite`` where no URL was given, and say so; refuse it in production."""
    if settings.production:
        message = (
            "No database_url in production: set SONIQ_DATABASE_URL=postgresql://… "
            "(or Soniq(database_url=…)), so that no job lands in a stray file."
        )
        raise ConfigurationError(message)
    logger.warning(
        "No database_url: jobs are kept in the SQLite file %s. Set SONIQ_DATABASE_URL for another.",
        Path(DEFAULT_FILE).absolute(),
    )
    return "sqlite"


def sqlite_path(url: str | None) -> Path:
    """Return the file that a ``sqlite:///`` URL or a path names."""
    if url is None:
        return Path(DEFAULT_FILE).absolute()
    if not url.startswith("sqlite:"):
        return Path(url).absolute()
    rest = url.removeprefix("sqlite:").removeprefix("//").removeprefix("/")
    if not rest or rest == ":memory:":
        message = (
            f"database_url={url!r} names no file. Give sqlite:///jobs.db, or backend='memory' "
            "for jobs that end with the process."
        )
        raise ConfigurationError(message)
    return Path(rest).absolute()


def postgres_url(url: str | None) -> str:
    """Return the URL, or refuse ``backend='postgres'`` without one."""
    if url is None:
        message = "backend='postgres' needs database_url='postgresql://user@host/name'."
        raise ConfigurationError(message)
    return url

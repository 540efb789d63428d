"""Where the database is, in words that are safe to show, and what its refusals mean."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from soniq.errors import ConfigurationError, DatabaseError, DatabaseUnreachable, SchemaNotReady

# The connection is gone, or was never had: another one may do.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    # What was the primary is a standby now.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.FeatureNotSupportedError,  # it says so where a transaction asks to write
    # A statement that meets the server's farewell, read but not yet acted on.
    asyncpg.InternalClientError,
    OSError,  # TimeoutError too
)


@dataclass(frozen=True, slots=True)
class Target:
    """A database URL; ``place`` is all of it that a message may show (never the password)."""

    url: str
    place: str
    database: str

    @classmethod
    def of(cls, url: str) -> Target:
        """Take a URL apart.

        Raises:
            ConfigurationError: host or port can't be made out; the URL itself is not shown.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise unreadable() from None
        if "@" not in parts.netloc and "@" in url:
            # A password with a raw / ? or # in it: what looks like the host would be its beginning.
            raise unreadable()
        query = parse_qs(parts.query)
        host = parts.hostname or query.get("host", ["localhost"])[0]
        named = query.get("dbname", query.get("database", [""]))[0]
        database = unquote(parts.path.lstrip("/")) or named or unquote(parts.username or "")
        return cls(url, f"{host}:{port or 5432}/{database}", database)

    def explained(self) -> Explained:
        """Turn what the driver raises within into Soniq's own errors, where a cure is known."""
        return Explained(self)

    def explain(self, error: BaseException) -> DatabaseError | None:
        """Return what to raise in place of what the driver has raised; None to leave it."""
        explanation: DatabaseError | None = None
        match error:
            case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
                explanation = self.not_ready(f"Soniq's tables are missing ({error})")
            case asyncpg.InvalidCatalogNameError():
                explanation = self.not_ready("the database does not exist")
            case asyncpg.InvalidAuthorizationSpecificationError():
                explanation = self.refused(error)
            case _ if isinstance(error, LOST) or is_closed(error):
                explanation = self.unreachable(error)
            case asyncpg.InsufficientPrivilegeError():
                explanation = DatabaseError(
                    f"PostgreSQL at {self.place} refused: {error}. Grant the right to this user."
                )
            case asyncpg.LockNotAvailableError() | asyncpg.QueryCanceledError():
                explanation = DatabaseError(
                    f"PostgreSQL at {self.place} gave up: {error}. Another transaction holds a "
                    "lock (has it enqueued the same unique job?), or the server is overloaded."
                )
        return explanation

    def not_ready(self, what: str) -> SchemaNotReady:
        """Return the error for a schema that can't be worked with yet."""
        return SchemaNotReady(
            f"PostgreSQL at {self.place}: {what}. "
            "Run `soniq setup` (or `await app.setup()`) once, before anything else."
        )

    def refused(self, error: BaseException) -> DatabaseUnreachable:
        """Return the error for a server that lets this user in by no means."""
        return DatabaseUnreachable(
            f"PostgreSQL at {self.place} refuses the login: {error}. Check user and password in "
            "database_url (SONIQ_DATABASE_URL), and the server's pg_hba.conf."
        )

    def unreachable(self, error: BaseException) -> DatabaseUnreachable:
        """Return the error for a database that does not answer."""
        reason = str(error) or type(error).__name__
        return DatabaseUnreachable(
            f"PostgreSQL at {self.place} can't be reached: {reason}. "
            "Check that it runs and that database_url (SONIQ_DATABASE_URL) is right."
        )


# Around every statement: contextlib's way to write it costs several times as much.
class Explained:
    """A block that raises what ``Target.explain`` says."""

    __slots__ = ("_target",)

    def __init__(self, target: Target) -> None:
        self._target = target

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the explanation of an error, if there is one."""
        if error is not None and (explanation := self._target.explain(error)) is not None:
            raise explanation from error


def is_closed(error: BaseException) -> bool:
    """Tell whether a connection or pool was closed; the driver's other complaints are of misuse."""
    return isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)


def is_passing(error: BaseException) -> bool:
    """Tell whether the same statement may well succeed on another connection, or just again."""
    if isinstance(error, asyncpg.InterfaceError):
        return is_closed(error) and "connection" in str(error)
    lost = isinstance(error, LOST) and not isinstance(error, TimeoutError)
    return lost or isinstance(error, asyncpg.DeadlockDetectedError)


def unreadable() -> ConfigurationError:
    """Return the error for a URL that can't be taken apart, without showing any of it."""
    message = (
        "database_url can't be read: give postgresql://user:password@host:port/name and "
        "percent-encode special characters in the password (such as %2F for a slash)."
    )
    return ConfigurationError(message)

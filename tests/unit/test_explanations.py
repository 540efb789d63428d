"""What the driver raises, in words that name the cure."""

from __future__ import annotations

import asyncpg
import pytest

from soniq.backends.postgres.target import Target
from soniq.errors import DatabaseError, DatabaseUnreachable, SchemaNotReady

TARGET = Target.of("postgresql://me:secret@host:5433/shop")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (asyncpg.UndefinedTableError("no table"), SchemaNotReady, "soniq setup"),
        (asyncpg.UndefinedColumnError("no column"), SchemaNotReady, "soniq setup"),
        (asyncpg.InvalidCatalogNameError("no database"), SchemaNotReady, "does not exist"),
        (asyncpg.InvalidPasswordError("wrong"), DatabaseUnreachable, "Check user and password"),
        (asyncpg.ConnectionDoesNotExistError("gone"), DatabaseUnreachable, "Check that it runs"),
        (asyncpg.InterfaceError("pool is closing"), DatabaseUnreachable, "Check that it runs"),
        (TimeoutError(), DatabaseUnreachable, "can't be reached: TimeoutError"),
        (asyncpg.InsufficientPrivilegeError("no"), DatabaseError, "Grant the right"),
        (asyncpg.LockNotAvailableError("lock"), DatabaseError, "holds a lock"),
        (asyncpg.QueryCanceledError("timeout"), DatabaseError, "holds a lock"),
    ],
)
def test_what_is_explained(error: Exception, kind: type[DatabaseError], words: str) -> None:
    """Each failure with a known cure is told as Soniq's own error, which keeps its cause."""
    with pytest.raises(DatabaseError) as caught, TARGET.explained():
        raise error
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error
    assert words in str(caught.value)
    assert "host:5433/shop" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [asyncpg.InterfaceError("misused"), asyncpg.UniqueViolationError("taken"), KeyError()]
)
def test_what_is_left_as_it_is(error: Exception) -> None:
    """Nobody is told to start a server because of a mistake in a call."""
    with pytest.raises(type(error)) as caught, TARGET.explained():
        raise error
    assert caught.value is error

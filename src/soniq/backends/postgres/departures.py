"""Notice at once, and without asking, when a caller's connection leaves its transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from soniq.backends.postgres.insert import native

if TYPE_CHECKING:
    from soniq.backends.postgres.insert import AnyConnection


# Looks at a connection before it is watched.
LOOKS = 2


class Departures:
    """Calls ``left`` with the queues that were noted for a connection, once it is outside.

    The driver tells of every statement that has ended, also of a COMMIT, and by then it knows
    whether the session is still in a transaction. To ask it to costs as much as half an INSERT, so
    who may be told a little later is looked at now and then instead.
    """

    def __init__(self, left: Callable[[Collection[str]], None]) -> None:
        self._left = left
        self._watched: dict[AnyConnection, Watch] = {}
        self._glanced: dict[AnyConnection, Glance] = {}

    @property
    def looking(self) -> bool:
        """Whether somebody has to call ``look``."""
        return bool(self._glanced)

    def note(self, connection: object, queues: Collection[str], *, promptly: bool = True) -> None:
        """Call ``left`` when the connection leaves its transaction; now, if it is in none.

        If not ``promptly``, at the next ``look`` after it.
        """
        known = native(connection)
        if not in_transaction(known):
            self._left(queues)
        elif (watch := self._watched.get(known)) is not None:
            watch.queues.update(queues)
        elif promptly:
            self._watched[known] = Watch(known, set(queues), self._end)
        elif (glance := self._glanced.get(known)) is not None:
            glance.queues.update(queues)
            glance.looks = 0
        else:
            self._glanced[known] = Glance(set(queues))

    def look(self) -> None:
        """Look at all that are not watched; watch those that stay in a transaction.

        Whether that is the one that they were in cannot be seen, so ``left`` is called for all.
        """
        glanced, self._glanced = self._glanced, {}
        for connection, glance in glanced.items():
            self._left(glance.queues)
            if not in_transaction(connection):
                continue
            glance.looks += 1
            if glance.looks < LOOKS:
                self._glanced[connection] = glance
            else:
                self._watched[connection] = Watch(connection, glance.queues, self._end)

    def watch(self) -> None:
        """Watch all that are in a transaction: nobody will call ``look``."""
        glanced, self._glanced = self._glanced, {}
        for connection, glance in glanced.items():
            if in_transaction(connection):
                self._watched[connection] = Watch(connection, glance.queues, self._end)

    def tell(self) -> None:
        """Call ``left`` for all that may be outside by now: the driver says so a little later."""
        self.look()
        for watch in list(self._watched.values()):
            watch.look()

    def forget(self) -> None:
        """Stop looking."""
        for watch in list(self._watched.values()):
            watch.stop()
        self._watched.clear()
        self._glanced.clear()

    def _end(self, watch: Watch) -> None:
        self._watched.pop(watch.connection, None)
        self._left(watch.queues)


@dataclass(slots=True)
class Glance:
    """What was noted for a connection that is looked at now and then, and how often it was."""

    queues: set[str]
    looks: int = 0


class Watch:
    """One connection that is looked at after each of its statements."""

    def __init__(
        self, connection: AnyConnection, queues: set[str], end: Callable[[Watch], None]
    ) -> None:
        self.connection = connection
        self.queues = queues
        self._end = end
        connection.add_query_logger(self.look)
        connection.add_termination_listener(self.look)

    def stop(self) -> None:
        """Look no more."""
        # A connection that is back in its pool can't be spoken to any more.
        with suppress(asyncpg.InterfaceError):
            self.connection.remove_query_logger(self.look)
            self.connection.remove_termination_listener(self.look)

    def look(self, _: object = None) -> None:
        """Tell it if the connection is outside of any transaction."""
        if not in_transaction(self.connection):
            self.stop()
            end, self._end = self._end, ignore
            end(self)


def ignore(_: Watch) -> None:
    """Do nothing: the end was told before."""


def in_transaction(connection: AnyConnection) -> bool:
    """Tell whether a connection is in a transaction, without a round trip."""
    try:
        return not connection.is_closed() and connection.is_in_transaction()
    except asyncpg.InterfaceError:
        return False  # given back to its pool, so the transaction has ended

"""What ``app.check`` does: gather all that the checks look at, and have each of them look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from soniq import __version__
from soniq import settings as configuration
from soniq.backends.contract import Backend
from soniq.doctor.case import Case, Unknown
from soniq.doctor.finding import Finding
from soniq.errors import DatabaseUnreachable, InvalidOption
from soniq.settings import Settings
from soniq.stats import Stats

# A worker that starts takes what waits within seconds.
UNSERVED_SECONDS = 10.0


class Doctor:
    """Examines an installation; changes nothing."""

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        *,
        stats: Stats,
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._backend = backend
        self._settings = settings
        self._stats = stats
        self._ready = ready

    async def check(self, only: Collection[str] | None = None) -> list[Finding]:
        """Return what each check finds, or those of the ids in ``only``."""
        # Imported late: nobody else needs dozens of checks.
        from soniq.doctor.checks import CHECKS  # noqa: PLC0415

        for check_id in only or ():
            if check_id not in CHECKS:
                message = (
                    f"There is no check {check_id!r}.{configuration.nearest(check_id, CHECKS)} "
                    "`soniq doctor --all` names those there are."
                )
                raise InvalidOption(message)
        case = await self.look()
        if only is not None:
            return [one.examine(case) for one in CHECKS.values() if one.id in only]
        return [one.examine(case) for one in CHECKS.values() if case.backend in one.backends]

    async def look(self) -> Case:
        """Return all that the checks look at; nothing of the tables where the schema is not ready.

        Whoever only looks applies no step of it, nor makes a file. What can't be read leaves the
        checks that need it without an answer, and no others.

        Raises:
            DatabaseUnreachable: nobody answers, or the login was refused.
        """
        migrations = await self._backend.migrations()
        looks: dict[str, Any] = {}
        if all(step.applied_at is not None for step in migrations):
            await self._ready()
            looks = {name: await attempt(name, look) for name, look in self._looks().items()}
        return Case(
            version=__version__,
            backend=self._backend.name,
            settings=self._settings,
            migrations=migrations,
            strangers=configuration.strangers(),
            looks=looks,
        )

    def _looks(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        """Return what is read, by the properties of a case."""
        stats = self._backend.stats
        return {
            "database": stats.database,
            "workers": self._backend.workers.find,
            "standings": stats.standings,
            "unserved": lambda: stats.unserved(grace=UNSERVED_SECONDS),
            "unknown": stats.unknown,
            "schedules": self._backend.schedules.find,
            "last_hour": self._stats.by_queue,
        }


async def attempt(name: str, look: Callable[[], Awaitable[Any]]) -> Any:
    """Return what a look finds, or an ``Unknown`` that says why it has failed."""
    try:
        return await look()
    except DatabaseUnreachable:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged database may fail in any way
        return Unknown(f"{name} could not be read: {error}")

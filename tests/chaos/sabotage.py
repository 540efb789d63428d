"""Guards of the product taken away, inside a forked worker: the checks must see that."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from soniq.backends import sqltext
from soniq.backends.postgres import rescue as postgres_rescue
from soniq.backends.postgres.rescue import Rescue
from soniq.backends.postgres.workers import PostgresWorkers
from soniq.backends.sqlite import queries
from soniq.backends.sqlite import rescue as sqlite_rescue
from soniq.backends.sqlite.workers import SqliteWorkerStore
from soniq.backends.worker_contract import Renewal
from soniq.worker import claim
from soniq.worker.maintenance import Maintenance
from soniq.worker.watchdog import Watchdog

STORES: tuple[Any, ...] = (PostgresWorkers, SqliteWorkerStore)
# The end of a completion, from the fence on, in both databases; and what is left of it.
FENCE = re.compile(r"AND (job\.)?fence = .*?(?=RETURNING|\Z)", re.DOTALL)
NO_FENCE = {
    ("jobs/complete", "job."): "AND $2::uuid IS NOT NULL\n",
    ("jobs/complete_plain", "job."): "AND $2::uuid IS NOT NULL AND $4::integer IS NOT NULL\n",
    ("jobs/complete", None): "",
}


def no_fence() -> None:
    """Write outcomes to whatever the job is by now."""
    honest = sqltext.read

    def read(folder: Path, verb: str) -> str:
        text = honest(folder, verb)
        if verb in {"jobs/complete", "jobs/complete_plain"}:
            text = FENCE.sub(lambda found: NO_FENCE[verb, found[1]], text)
        return text

    sqltext.read = queries.read = read  # type: ignore[assignment]
    queries.sql.cache_clear()


def no_lease() -> None:
    """Let the lease run out while the worker lives and works."""
    for store in STORES:
        store.renew = answering(Renewal(1))


def no_lock() -> None:
    """Look at no locks: the lease alone tells who is gone."""
    for store in STORES:
        store.silent = answering([])


def no_rescue() -> None:
    """Leave the jobs of the dead where they are."""
    Maintenance.rescue = answering(None)  # type: ignore[method-assign]


def no_single_rows() -> None:
    """Rescue all jobs or none: a row that can't be rescued stops the others."""
    careful = Rescue.take_back

    async def take_back(self: Rescue, orphan: Any) -> Any:
        try:
            return await careful(self, orphan)
        except Exception as error:
            raise RuntimeError from error  # not what the pass knows how to survive

    Rescue.take_back = take_back  # type: ignore[method-assign]
    sqlite_rescue.BAD_ROW = ()


def no_suspicion() -> None:
    """Count crashes, whoever caused them, and let nobody run alone."""
    for module in (claim, postgres_rescue, sqlite_rescue):
        module.is_suspect = lambda *_: False  # type: ignore[attr-defined]
        module.is_guilty = crashed_often  # type: ignore[attr-defined]


def crashed_often(crashes: int, max_crashes: int, *, isolated: bool) -> bool:
    """Tell whether a job has crashed often enough, no matter who ran beside it."""
    return crashes + 1 >= max_crashes


def no_watchdog() -> None:
    """Watch no event loop."""
    Watchdog._look = lambda _: None  # type: ignore[method-assign, misc]


def answering(value: object) -> Callable[..., Awaitable[object]]:
    """Return a method that does nothing."""

    async def method(*_: object, **__: object) -> object:
        return value

    return method


GUARDS: dict[str, Callable[[], None]] = {
    "fence": no_fence,
    "lease": no_lease,
    "lock": no_lock,
    "rescue": no_rescue,
    "single-rows": no_single_rows,
    "suspicion": no_suspicion,
    "watchdog": no_watchdog,
}


def commit(guards: Iterable[str]) -> None:
    """Take the guards away, in this process."""
    for guard in guards:
        GUARDS[guard]()

"""What is known of the database itself."""

from __future__ import annotations

import json

from soniq.backends.contract import Backend
from tests.support import FrozenClock
from tests.support.store import insert, new_job

TABLES = {"soniq_jobs", "soniq_dead_letter_jobs", "soniq_workers", "soniq_schedules"}


async def test_facts(backend: Backend, clock: FrozenClock) -> None:
    """Each backend names itself, its version and tables; all is known to who may see all."""
    await insert(backend, new_job(clock))
    found = await backend.stats.database()
    assert (found.backend, found.now) == (backend.name, clock.now())
    assert found.version.count(".") >= 1
    assert {table.name for table in found.tables} >= TABLES
    assert not found.facts.get("missing_indexes")
    # PostgreSQL 14 knows no versions of its rules of sorting.
    assert found.facts["hidden"].keys() <= {"collation"}
    json.dumps(dict(found.facts), default=str)

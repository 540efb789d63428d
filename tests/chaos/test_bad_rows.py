"""A row that can't be rescued keeps no other job of a dead worker from running again."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.checker import violations
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.zygote import Order, Zygote

JOBS = 10
PATIENCE = 20.0
# A trigger is the one thing that can make a single row refuse an update, in both databases.
REFUSAL = {
    "postgres": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'this row stays as it is' USING ERRCODE = 'check_violation'; END $$;
        CREATE TRIGGER refusal BEFORE UPDATE OR DELETE ON soniq_jobs
            FOR EACH ROW WHEN (OLD.id = '{id}') EXECUTE FUNCTION refuse();
    """,
    "sqlite": """
        CREATE TRIGGER refusal BEFORE UPDATE ON soniq_jobs WHEN OLD.id = '{id}'
        BEGIN SELECT RAISE(ABORT, 'this row stays as it is'); END
    """,
}
CONSENT = {
    "postgres": "DROP FUNCTION refuse CASCADE",
    "sqlite": "DROP TRIGGER refusal",
}


@asynccontextmanager
async def bad_row(made: Fleet, store: str) -> AsyncIterator[None]:
    """Let a worker die over ten jobs, the first of which can't be rescued for a while."""
    bad, *_ = await made.enqueue("chaos.work", [{"seconds": 0.1}] * JOBS)
    orphaner = made.start(crash="handler.after")
    assert made.zygote.wait(orphaner) == -signal.SIGKILL
    await made.bury()
    await made.tables.execute(REFUSAL[store].format(id=bad))
    made.start()
    try:
        yield
    finally:
        await made.tables.execute(CONSENT[store])


async def test_one_bad_row_stops_nobody(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """All others run again at once, and the bad one as soon as it can."""
    async with fleet(zygote, Order(store_url, str(tmp_path))) as made:
        async with bad_row(made, store):
            while await made.tables.waiting() > 1:
                assert not await made.until_all_ended(0.1)
        assert await made.until_all_ended(PATIENCE)
        await made.stop()
        history = await made.history()
    assert violations(history) == []


async def test_rescued_together_they_would_all_wait(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """The check sees it: where a bad row ends the pass, others wait with it."""
    order = Order(store_url, str(tmp_path), sabotage=("single-rows",))
    async with fleet(zygote, order) as made:
        async with bad_row(made, store):
            assert not await made.until_all_ended(6)
            assert await made.tables.waiting() > 1
        await made.stop()

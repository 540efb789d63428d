"""Take back the jobs of workers that are gone, one by one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from soniq import crashpoints
from soniq.backends.contract import Rescued
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.settle import KEY_TAKEN
from soniq.outcome import Reason, is_guilty, worker_lost

logger = logging.getLogger("soniq.postgres")


@dataclass(frozen=True, slots=True)
class Rescue:
    """One pass; ``now`` is a test's time or None."""

    db: Database
    now: datetime | None
    max_crashes: int

    async def run(self) -> list[Rescued]:
        """Rescue all that can be; a row that can't is logged and left for the next pass."""
        rescued: list[Rescued] = []
        for orphan in await self.db.fetch("jobs/orphans", self.now):
            try:
                saved = await self.take_back(orphan)
            except asyncpg.PostgresError:
                logger.exception("Job %s of a lost worker can't be rescued.", orphan["id"])
                continue
            if saved is not None:
                rescued.append(saved)
            if crashpoints.ARMED:
                crashpoints.passed("rescue.between_rows")
        return rescued

    async def take_back(self, orphan: asyncpg.Record) -> Rescued | None:
        """Queue, cancel or bury one job; None if its worker is back or has settled it meanwhile."""
        guilty = not orphan["cancel_requested"] and is_guilty(
            orphan["crashes"], self.max_crashes, isolated=orphan["isolated"]
        )
        outcome = await (self.bury(orphan) if guilty else self.queue(orphan))
        if outcome is None:
            return None
        worker = str(orphan["worker_id"])
        what = str(orphan["id"]), orphan["job_name"], orphan["queue"]
        return Rescued(*what, worker, outcome == "bury", outcome == "cancel")

    async def bury(self, orphan: asyncpg.Record) -> str | None:
        """Move a job that has crashed too often to the dead letters.

        Returns what its attempt ended as, as it is counted; None if nothing was done.
        """
        claim = orphan["id"], orphan["fence"]
        reason, error = str(Reason.WORKER_CRASHED), worker_lost(str(orphan["worker_id"])).summary
        records = await self.db.fetch(
            "jobs/bury_crashed", self.now, *claim, reason, error, self.db.rollups
        )
        return "bury" if records else None

    async def queue(self, orphan: asyncpg.Record) -> str | None:
        """Queue a job again, without its key where another waiting job has it by now.

        It is cancelled instead if that is asked for, be it since the orphans were looked for.
        Returns what its attempt ended as, as ``bury`` does.
        """
        try:
            return await self.queue_keyed(orphan, keep_key=True)
        except KEY_TAKEN:
            return await self.queue_keyed(orphan, keep_key=False)

    async def queue_keyed(self, orphan: asyncpg.Record, *, keep_key: bool) -> str | None:
        """Do what ``queue`` does, with the key of the job or without."""
        error = worker_lost(str(orphan["worker_id"])).summary
        records = await self.db.fetch(
            "jobs/rescue",
            self.now, orphan["id"], keep_key, orphan["fence"], error, orphan["attempts"],
            orphan["worker_id"], self.db.rollups,
        )  # fmt: skip
        return records[0]["outcome"] if records else None

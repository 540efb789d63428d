"""Stop handlers whose job an operator has cancelled, or whose claim is lost."""

from __future__ import annotations

import logging

from soniq.backends.contract import Backend
from soniq.job import ClaimedJob
from soniq.outcome import Cancelled, Interrupted
from soniq.worker.inflight import Inflight

logger = logging.getLogger("soniq.worker")

# How often running claims are asked about. Jobs that are quicker than that cost nothing here.
REVOKE_SECONDS = 1.0


class Revoker:
    """Asks the database which of the claims that run for a while are still to be run."""

    def __init__(self, backend: Backend, inflight: Inflight, *, worker_id: str) -> None:
        self._backend = backend
        self._inflight = inflight
        self._worker_id = worker_id
        self._seen: list[ClaimedJob] = []

    async def one_pass(self) -> None:
        """Stop what was revoked among the claims that the last pass has seen already."""
        running = {(job.id, job.fence): job for job in self._inflight.claims()}
        seen = {(job.id, job.fence) for job in self._seen}
        self._seen = list(running.values())
        asked = [job for claim, job in running.items() if claim in seen]
        if not asked:
            return
        for revoked in await self._backend.jobs.revoked(asked, worker=self._worker_id):
            job = running[revoked.job_id, revoked.fence]
            why = "was cancelled" if revoked.cancelled else "was given to another worker"
            logger.warning("Job %s (%s) %s; it is stopped", job.job_name, job.id, why)
            self._inflight.stop(job, Cancelled() if revoked.cancelled else Interrupted())

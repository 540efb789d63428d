"""The operator's view of workers: who they are, what they run; quiet or stop one."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable

from soniq.backends.contract import Backend
from soniq.errors import WorkerNotFound
from soniq.job import Job, Worker


class Workers:
    """What ``app.workers`` is."""

    def __init__(self, backend: Backend, *, ready: Callable[[], Awaitable[None]]) -> None:
        self._backend = backend
        self._ready = ready

    async def list(self) -> builtins.list[Worker]:
        """Return the registered workers, oldest start first, each with whether it is alive."""
        await self._ready()
        return await self._backend.workers.find()

    async def running(self, *, limit: int = 1000) -> builtins.list[Job]:
        """Return the jobs that run now, the longest-running first; ``worker_id`` says where."""
        await self._ready()
        return await self._backend.jobs.running(limit=limit)

    async def quiet(self, worker_id: str) -> None:
        """Ask a worker to claim no more jobs, and to finish those that it has.

        It learns that with its next heartbeat. ``resume`` takes it back.

        Raises:
            WorkerNotFound: there is no such worker.
        """
        await self._ask(worker_id, "quiet")

    async def resume(self, worker_id: str) -> None:
        """Ask a quiet worker to claim jobs again; WorkerNotFound if there is no such worker."""
        await self._ask(worker_id, None)

    async def stop(self, worker_id: str) -> None:
        """Ask a worker to end as by SIGTERM; WorkerNotFound if there is no such worker."""
        await self._ask(worker_id, "stop")

    async def _ask(self, worker_id: str, wish: str | None) -> None:
        await self._ready()
        if not await self._backend.workers.ask(str(worker_id), wish):
            message = f"No worker {worker_id}: see app.workers.list() for those there are."
            raise WorkerNotFound(message)

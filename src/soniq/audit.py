"""Who did what to jobs, queues, workers and schedules: note it, read it."""

from __future__ import annotations

import builtins
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from soniq.backends.contract import Backend
from soniq.backends.operator_contract import NewAuditEntry
from soniq.clock import Clock
from soniq.history import AuditEntry
from soniq.outcome import storable


class Audit:
    """What ``app.audit`` is."""

    def __init__(
        self, backend: Backend, *, clock: Clock, ready: Callable[[], Awaitable[None]]
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._ready = ready

    async def note(
        self, actor: str, action: str, target: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Write down that ``actor`` did ``action`` to ``target``; ``detail`` must be JSON.

        What no database can hold of a name (NUL, half a character) is spelled out.
        """
        await self._ready()
        text = json.dumps(dict(detail or {}), ensure_ascii=True, allow_nan=False)
        actor, action, target = map(storable, (actor, action, target))
        entry = NewAuditEntry(self._clock.new_id(), actor, action, target, text)
        await self._backend.audit.note(entry)

    async def list(
        self, *, limit: int = 100, before: str | None = None
    ) -> builtins.list[AuditEntry]:
        """Return entries, the latest first; ``before``: older than the entry of that id."""
        await self._ready()
        return await self._backend.audit.find(limit=limit, before=before)

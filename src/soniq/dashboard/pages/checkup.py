"""What ``soniq doctor`` finds, asked for seldom, however many look at it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from soniq.app import Soniq
from soniq.clock import Clock
from soniq.dashboard.state import dashboard_of
from soniq.doctor import Finding

SECONDS = 60.0


class Checkup:
    """The findings of the last minute, for one dashboard."""

    def __init__(self, soniq: Soniq) -> None:
        self._soniq = soniq
        self._clock: Clock = soniq.clock
        self._asking = asyncio.Lock()
        self._findings: list[Finding] = []
        self._asked_at: float | None = None

    async def findings(self, *, anew: bool = False) -> list[Finding]:
        """Return what was found; ``anew``: look now, whenever the last look was."""
        async with self._asking:
            now = self._clock.monotonic()
            if anew or self._asked_at is None or now - self._asked_at >= SECONDS:
                self._findings = await self._soniq.check()
                self._asked_at = now
            return self._findings


def checkup_of(request: Request) -> Checkup:
    """Return the checkup of the dashboard that a request is for."""
    state = request.app.state
    if not hasattr(state, "checkup"):
        state.checkup = Checkup(dashboard_of(request).soniq)
    checkup: Checkup = state.checkup
    return checkup


async def troubles(request: Request) -> list[Finding]:
    """Return the findings that call for somebody to do something now."""
    findings = await checkup_of(request).findings()
    return [finding for finding in findings if finding.severity == "error"]

"""What ``soniq doctor`` finds, asked for seldom, however many look at it."""

from __future__ import annotations

from starlette.requests import Request

from soniq.app import Soniq
from soniq.dashboard.shared import Shared
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views.alarms import SAID
from soniq.doctor.finding import Finding

SECONDS = 60.0
# The checks may take a second. Who wants to see how things stand does not wait for them.
MOST_SECONDS = 600.0


class Checkup:
    """The findings of the last minute, for one dashboard."""

    def __init__(self, soniq: Soniq) -> None:
        self._shared = Shared(soniq.check, SECONDS, soniq.clock)

    async def findings(self, *, anew: bool = False) -> list[Finding]:
        """Return what was found; ``anew``: look now, whenever the last look was."""
        if anew:
            self._shared.forget()
        return await self._shared.get()

    async def latest(self) -> list[Finding]:
        """Return what was found lately, at once; if that is a while ago, look beside."""
        return await self._shared.get_at_once(most=MOST_SECONDS)


def checkup_of(request: Request) -> Checkup:
    """Return the checkup of the dashboard that a request is for."""
    state = request.app.state
    if not hasattr(state, "checkup"):
        state.checkup = Checkup(dashboard_of(request).soniq)
    checkup: Checkup = state.checkup
    return checkup


async def troubles(request: Request) -> list[Finding]:
    """Return what the doctor calls an error, but for what the alarms say by themselves."""
    findings = await checkup_of(request).latest()
    return [one for one in findings if one.severity == "error" and one.id not in SAID]

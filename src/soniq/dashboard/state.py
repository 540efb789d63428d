"""What the routes of one dashboard share: ``request.app.state.dashboard``."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from soniq.app import Soniq
from soniq.dashboard.gate import Gate
from soniq.dashboard.live import Live
from soniq.dashboard.operations import Operations
from soniq.dashboard.reading import Reading
from soniq.dashboard.signing import Signer


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. What is shown of jobs and of what people did is read by ``reading``."""

    soniq: Soniq
    write: bool
    reading: Reading
    live: Live
    operations: Operations
    signer: Signer
    gate: Gate

    def forget(self) -> None:
        """Have everything read anew: somebody has just changed it, and wants to see that."""
        self.live.forget()
        self.reading.forget()


def dashboard_of(request: Request) -> Dashboard:
    """Return the dashboard that a request is for."""
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard

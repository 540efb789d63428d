"""What the routes of one dashboard share: ``request.app.state.dashboard``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from soniq.app import Soniq
from soniq.dashboard.gate import Gate
from soniq.dashboard.live import Live
from soniq.dashboard.operations import Operations
from soniq.dashboard.signing import Signer

Redactor = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. ``redact(task name, arguments)`` returns arguments that may be shown."""

    soniq: Soniq
    write: bool
    redact: Redactor
    live: Live
    operations: Operations
    signer: Signer
    gate: Gate


def dashboard_of(request: Request) -> Dashboard:
    """Return the dashboard that a request is for."""
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard

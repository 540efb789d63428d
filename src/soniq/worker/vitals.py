"""How this worker does: what its heartbeat tells of it."""

from __future__ import annotations

from soniq.backends.worker_contract import Vitals
from soniq.worker.inflight import Inflight
from soniq.worker.limits import resident_now
from soniq.worker.watchdog import Watchdog


def vitals(inflight: Inflight, watchdog: Watchdog) -> Vitals:
    """Return the jobs that run, the memory that is held, and the lag since the last call."""
    return Vitals(inflight.running, resident_now(), watchdog.lag())

"""W5 inside the caller's transaction: from the commit to the start of the handler."""

from __future__ import annotations

from bench.scenario import Case, Scenario
from bench.scenarios import w5

SCENARIO = Scenario(
    "w5t",
    "commit of the caller's transaction to handler start, idle worker in another process",
    w5.run,
    headline="p50_ms",
    needs="within",
    stores=("postgres",),
    only=("soniq", "pgqueuer"),
    cases=(Case("", {"within": True}),),
)

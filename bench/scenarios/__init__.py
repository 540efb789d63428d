"""All scenarios, in the order in which they are run and shown."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios import w4, w4_processes, w5, w5_within

SCENARIOS: tuple[Scenario, ...] = (
    w4.SCENARIO,
    w4_processes.SCENARIO,
    w5.SCENARIO,
    w5_within.SCENARIO,
)

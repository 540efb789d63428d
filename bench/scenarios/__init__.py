"""All scenarios, in the order in which they are run and shown."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios import (
    executors,
    growth,
    memory,
    safety,
    scan,
    schedules,
    w1,
    w2,
    w2_clients,
    w3,
    w4,
    w4_processes,
    w5,
    w5_within,
    w6,
    w7,
    w7_long,
    w8,
)

SCENARIOS: tuple[Scenario, ...] = (
    w1.SCENARIO,
    w2.SCENARIO,
    w2_clients.SCENARIO,
    w3.SCENARIO,
    w4.SCENARIO,
    w4_processes.SCENARIO,
    w5.SCENARIO,
    w5_within.SCENARIO,
    w6.SCENARIO,
    w7.SCENARIO,
    w7_long.SCENARIO,
    w8.SCENARIO,
    scan.SCENARIO,
    executors.SCENARIO,
    memory.SCENARIO,
    schedules.PASS,
    schedules.LATE,
    growth.SCENARIO,
    safety.SCENARIO,
)

"""W2: 50 tasks of one process enqueue at once, each one job at a time."""

from __future__ import annotations

from bench.scenarios.enqueue import JOBS, scenario

SCENARIO = scenario("w2", "enqueue from 50 tasks at once", "concurrent", 2 * JOBS)

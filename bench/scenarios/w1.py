"""W1: enqueue one job, wait until it is durable, enqueue the next."""

from __future__ import annotations

from bench.scenarios.enqueue import JOBS, scenario

SCENARIO = scenario("w1", "enqueue one awaited at a time", "one", JOBS)

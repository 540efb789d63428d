"""W3: enqueue 50,000 jobs in the best way that a system has for many; the base is COPY."""

from __future__ import annotations

from bench.scenarios.enqueue import BULK, scenario

SCENARIO = scenario("w3", "bulk enqueue", "bulk", BULK)

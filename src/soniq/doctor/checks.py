"""All checks, in the order in which they are told."""

from __future__ import annotations

from soniq.doctor import backlog, config, file, fleet, schema, server, upkeep
from soniq.doctor.check import Check

CHECKS = {
    one.id: one
    for module in (config, schema, server, upkeep, file, fleet, backlog)
    for one in vars(module).values()
    if isinstance(one, Check)
}

"""Look at a run from outside: processor time of process trees, WAL, transactions, memory."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    """A line of ``/proc/PID/stat``: its parent, processor seconds, and resident bytes."""

    pid: int
    parent: int
    own: float
    reaped: float
    resident: int


def process(pid: int) -> Process | None:
    """Return what the system tells of a process; None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / TICKS
    reaped = (int(fields[13]) + int(fields[14])) / TICKS
    return Process(pid, int(fields[1]), own, reaped, int(fields[21]) * PAGE)


def tree(roots: Sequence[int]) -> list[Process]:
    """Return processes and all that descend from them."""
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := process(int(entry.name))):
            children[found.parent].append(found)
    family = [found for root in roots if (found := process(root))]
    for parent in family:  # grows while it is read
        family.extend(children[parent.pid])
    return family


def cpu_seconds(*roots: int) -> float:
    """Return the processor time of processes and of all children that they have or had."""
    return sum(one.own + one.reaped for one in tree(roots)) if roots else 0.0


def resident_mib(root: int) -> float:
    """Return the memory of a process and its children, in MiB."""
    return sum(one.resident for one in tree([root])) / 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters at one moment."""

    workers: float
    server: float
    wal: int

    def per_job(self, later: Sample, jobs: int) -> dict[str, float]:
        """Return what each job has cost between two moments; nothing for what nobody counted."""
        cost = {
            "worker_us_per_job": 1e6 * (later.workers - self.workers) / jobs,
            "server_us_per_job": 1e6 * (later.server - self.server) / jobs,
            "wal_bytes_per_job": (later.wal - self.wal) / jobs,
        }
        return {name: value for name, value in cost.items() if value > 0}

"""On what the figures were measured: machine, versions, settings."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from pathlib import Path

import soniq
from bench import redis
from bench.server import Server
from bench.systems import System


def machine(folder: Path) -> dict[str, str]:
    """Return the facts of this machine; ``folder`` is where the data lies."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    model = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "ram_gib": f"{memory / 2**30:.0f}",
        "os": f"{platform.system()} {platform.release()}",
        "file_system": file_system(folder),
        "python": platform.python_version(),
        "soniq": soniq.__version__,
        "sqlite": sqlite3.sqlite_version,
    }


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder lies on."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, point, found, *_ = line.split()
        if folder.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind


def all_facts(server: Server | None, folder: Path, systems: list[System]) -> dict[str, object]:
    """Return everything that belongs beside the figures."""
    return {
        "machine": machine(folder),
        "postgres": server.facts() if server else {},
        "redis": redis.facts() if redis.answers() else {},
        "systems": {
            system.name: {"packages": list(system.needs), "options": dict(system.options)}
            for system in systems
        },
    }

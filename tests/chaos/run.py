"""Chaos by hand: repeat a plan by its seed, or try new seeds for a while.

uv run python -m tests.chaos.run --plan kills --backend postgres --seed 4711 --jobs 5000
uv run python -m tests.chaos.run --seeds 20 --minutes 10
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from tests.chaos.plan import Plan
from tests.chaos.scenarios import SCENARIOS, Result, run
from tests.chaos.zygote import Zygote
from tests.support.postgres import begin_run, end_run, shared_server

BACKENDS = ("postgres", "sqlite")


def main() -> int:
    """Run what the command line says; 1 if a promise was broken."""
    options = vars(read())
    seeds, minutes = options.pop("seeds"), options.pop("minutes")
    seed, backend = options.pop("seed"), options.pop("backend")
    deadline = time.monotonic() + minutes * 60 if minutes else None
    with databases() as folder:
        for turn in range(seeds or sys.maxsize):
            plan = Plan(
                backend=backend or BACKENDS[turn % len(BACKENDS)],
                seed=secrets.randbelow(10**6) if seed is None else seed,
                **options,
            )
            result = once(plan, folder)
            if result.wrong:
                sys.stdout.write(f"{result.report()}\n")
                return 1
            if not seeds and deadline is None:
                break
            if deadline is not None and time.monotonic() > deadline:
                break
    return 0


def once(plan: Plan, folder: Path) -> Result:
    """Carry out one plan on a database of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        zygote = Zygote(Path(place) / "zygote.log")
        try:
            with database(plan.backend, folder, Path(place)) as url:
                return asyncio.run(run(plan, zygote, url, place))
        finally:
            zygote.close()


@contextlib.contextmanager
def databases() -> Iterator[Path]:
    """Give a folder in which a PostgreSQL may be started; it is stopped in the end."""
    folder = begin_run()
    try:
        yield folder
    finally:
        end_run(folder)


@contextlib.contextmanager
def database(backend: str, folder: Path, place: Path) -> Iterator[str]:
    """Give the URL of an empty database."""
    if backend == "sqlite":
        yield f"sqlite:///{place}/jobs.db"
        return
    server = shared_server(folder)
    name = server.clone()
    try:
        yield server.url_of(name)
    finally:
        server.drop(name)


def read() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", dest="name", choices=sorted(SCENARIOS), default="kills")
    parser.add_argument("--backend", choices=BACKENDS)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int, help="how many runs, each with a seed of its own")
    parser.add_argument("--minutes", type=float, help="start no run after so many minutes")
    defaults: dict[str, Any] = {field.name: field.default for field in fields(Plan)}
    defaults |= {"jobs": 5000, "kills": 50}
    for name in ("jobs", "kills", "workers", "concurrency", "pause", "job_seconds"):
        option, kind = f"--{name.replace('_', '-')}", type(defaults[name])
        parser.add_argument(option, type=kind, default=defaults[name])
    parser.add_argument("--sabotage", action="append", default=[], help="take a guard away")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

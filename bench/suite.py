"""Run scenarios: each case of each, all systems in turn, again and again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from bench.environments import Unavailable
from bench.results import Row
from bench.run import Bench
from bench.scenario import Case, Scenario
from bench.side import Failed
from bench.systems import Store, System

# Peers on Redis stand in the tables of PostgreSQL: there is no Soniq on Redis to compare them with.
STORES: dict[str, tuple[Store, ...]] = {
    "postgres": ("postgres", "redis"),
    "sqlite": ("sqlite",),
    "memory": ("memory",),
}


def run_suite(
    bench: Bench,
    scenarios: Sequence[Scenario],
    systems: Sequence[System],
    backends: Sequence[str],
    runs: int,
) -> Iterator[Row]:
    """Yield the rows of all cases, those of one case together."""
    for scenario in scenarios:
        for backend in backends:
            for case in scenario.cases:
                entered = entrants(scenario, case, systems, backend)
                rows = [row_of(scenario, case, backend, system) for system, _ in entered]
                for number in range(min(runs, scenario.runs or runs)):
                    for row, (system, store) in zip(rows, entered, strict=True):
                        if row.failed is None:
                            run_once(bench, scenario, case, row, system=system, store=store)
                            report(row, number)
                yield from rows


def entrants(
    scenario: Scenario, case: Case, systems: Sequence[System], backend: str
) -> list[tuple[System, Store]]:
    """Return who takes turns in a case: systems, or the variants of each."""
    return [
        (entrant, store)
        for system in systems
        for store in STORES[backend]
        if scenario.takes(system, store)
        for entrant in case.entrants(system)
    ]


def row_of(scenario: Scenario, case: Case, backend: str, system: System) -> Row:
    """Return an empty row."""
    return Row(
        scenario.name,
        scenario.title,
        case.name,
        backend,
        system.name,
        scenario.headline,
        case.base or scenario.base,
    )


def run_once(
    bench: Bench, scenario: Scenario, case: Case, row: Row, *, system: System, store: Store
) -> None:
    """Add one run to a row, or why it failed."""
    try:
        row.runs.append(scenario.run(bench, system, store, case))
    except (Failed, Unavailable) as problem:
        row.failed = str(problem)


def report(row: Row, number: int) -> None:
    """Say on stderr how far the bench has got."""
    told = row.failed or f"{row.headline} {row.runs[-1][row.headline]:,.2f}"
    where = " ".join(filter(None, [row.scenario, row.case, row.backend]))
    print(f"{where} run {number + 1}: {row.system}: {told}", file=sys.stderr)

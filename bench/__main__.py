"""Measure Soniq and its peers, print tables, keep the raw figures.

uv run python -m bench
uv run python -m bench --only w4,w5 --runs 5 --systems soniq,pgqueuer --backend postgres
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.environments import Environments
from bench.facts import all_facts
from bench.results import Results
from bench.run import Bench, Sizes
from bench.scenario import Scenario
from bench.scenarios import SCENARIOS
from bench.server import running_server
from bench.suite import STORES, run_suite
from bench.systems import named
from bench.table import plain

RESULTS = Path(__file__).parent / "results"


def names(text: str) -> list[str]:
    """Split names at commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(
        "python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="scenarios: " + ", ".join(one.name for one in SCENARIOS),
    )
    made.add_argument("--only", type=names, help="scenarios, separated by commas")
    made.add_argument("--systems", type=names, help="systems, or how their names begin")
    made.add_argument("--backend", type=names, default=list(STORES), help="postgres,sqlite,memory")
    made.add_argument("--runs", type=int, default=5, help="runs of each case (5)")
    made.add_argument("--scale", type=float, default=1.0, help="multiply all numbers of jobs")
    made.add_argument("--processes", type=int, help="worker processes of w4")
    made.add_argument("--minutes", type=float, default=10.0, help="length of w7l (10)")
    made.add_argument("--seconds", type=float, default=30.0, help="length of w8 (30)")
    made.add_argument("--database-url", help="a PostgreSQL to use instead of an own one")
    made.add_argument("--folder", type=Path, help="where data and environments lie meanwhile")
    made.add_argument("--output", type=Path, help="the JSON file (bench/results/DATE.json)")
    return made


def chosen(only: list[str] | None) -> list[Scenario]:
    """Return the scenarios of these names; without names all that are not seldom.

    Raises:
        ValueError: a name that no scenario has.
    """
    if only is None:
        return [one for one in SCENARIOS if not one.seldom]
    if unknown := set(only) - {one.name for one in SCENARIOS}:
        message = f"Unknown scenario: {', '.join(sorted(unknown))}."
        raise ValueError(message)
    return [one for one in SCENARIOS if one.name in only]


@contextmanager
def prepared(given: argparse.Namespace) -> Generator[Bench]:
    """Give a bench with a server if one is needed, and take everything away afterwards."""
    sizes = Sizes(given.scale, given.processes, given.minutes, given.seconds)
    with tempfile.TemporaryDirectory(prefix="soniq-bench-", dir=given.folder) as made:
        environments = Environments(Path(made))
        if "postgres" not in given.backend:
            yield Bench(None, environments, Path(made), sizes)
            return
        with running_server(given.database_url, given.folder) as server:
            bench = Bench(server, environments, Path(made), sizes)
            try:
                yield bench
            finally:
                bench.close()


def end(*_: object) -> None:
    """End in order, so that no server or worker is left behind."""
    sys.exit(1)


def main() -> None:
    """Read the command line, measure, print, write."""
    reader = parser()
    given = reader.parse_args()
    try:
        scenarios, systems = chosen(given.only), named(given.systems)
    except ValueError as problem:
        reader.error(str(problem))
    if unknown := set(given.backend) - set(STORES):
        reader.error(f"Unknown backend: {', '.join(sorted(unknown))}.")
    today = datetime.now(UTC).date().isoformat()
    output: Path = given.output or RESULTS / f"{today}.json"
    signal.signal(signal.SIGTERM, end)
    with prepared(given) as bench:
        results = Results(today, all_facts(bench.server, bench.folder, systems), [])
        for row in run_suite(bench, scenarios, systems, given.backend, given.runs):
            results.rows.append(row)
            results.write(output)  # a long run that is ended keeps what it has
    sys.stdout.write(plain(results))
    sys.stderr.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()

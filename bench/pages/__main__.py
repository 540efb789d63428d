"""Measure pages, live updates and commands over many jobs, print tables, keep the raw figures.

uv run python -m bench.pages
uv run python -m bench.pages --backend sqlite --scale 0.1
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.__main__ import RESULTS, end, names
from bench.facts import all_facts
from bench.pages import ask, streams
from bench.pages.commands import commands, run
from bench.pages.fill import fill
from bench.pages.shop import Shop
from bench.pages.table import markdown, missed, tables
from bench.results import Results, Row
from bench.run import Figures
from bench.server import Server, running_server
from bench.side import Failed, Side
from bench.table import NOISE, facts
from soniq import Soniq

JOBS = {"postgres": 1_000_000, "sqlite": 100_000}
# One host has one file, and mostly one worker.
WORKERS = {"postgres": 3, "sqlite": 1}
MINUTES = 1440
SERVE = [sys.executable, "-m", "bench.pages.serve"]
# How many pages are open, and whether each also loads what it hears of.
OPEN = {
    "1 open page": (1, False),
    "200 open pages": (200, False),
    "1 page that loads": (1, True),
    "20 pages that load": (20, True),
}


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    made = argparse.ArgumentParser(
        "python -m bench.pages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--backend", type=names, default=list(JOBS), help="postgres,sqlite")
    made.add_argument("--scale", type=float, default=1.0, help="multiply the numbers of jobs")
    made.add_argument("--requests", type=int, default=25, help="for each page (25)")
    made.add_argument("--runs", type=int, default=11, help="of each command (11)")
    made.add_argument("--changes", type=int, default=20, help="that open pages hear of (20)")
    made.add_argument("--seconds", type=float, default=20.0, help="without a change before (20)")
    made.add_argument("--database-url", help="a PostgreSQL to use instead of an own one")
    made.add_argument("--folder", type=Path, help="where data lies meanwhile")
    made.add_argument("--output", type=Path, help="the JSON file (bench/results/DATE-pages.json)")
    return made


def measure(given: argparse.Namespace, server: Server | None, folder: Path) -> Iterator[Row]:
    """Yield the rows of each database."""
    for backend in given.backend:
        with database(backend, server, folder) as url:
            jobs = max(1000, round(JOBS[backend] * given.scale))
            minutes = max(2, round(MINUTES * min(1.0, given.scale)))
            shop = Shop(jobs, minutes, WORKERS[backend], datetime.now(UTC))
            began = time.monotonic()
            fill(url, shop)
            report(f"{backend}: {jobs:,} jobs written in {time.monotonic() - began:.0f} s")
            with Side(SERVE, "serve", {"url": url}) as side:
                port = int(side.expect("ready")["port"])
                yield from pages(port, shop, backend, given.requests)
                yield from live(port, side.pid, url, backend, given)
            yield from starts(url, shop, backend, given.runs)


@contextmanager
def database(backend: str, server: Server | None, folder: Path) -> Generator[str]:
    """Give the URL of an empty database, and take it away afterwards."""
    if backend == "sqlite" or server is None:
        yield f"sqlite:///{folder / 'shop.db'}"
        return
    name = server.create()
    try:
        yield server.url_of(name)
    finally:
        server.drop(name)


def pages(port: int, shop: Shop, backend: str, requests: int) -> Iterator[Row]:
    """Yield a row for each page."""
    client = ask.Client(port)
    title = f"Pages over {shop.jobs:,} jobs and {shop.letters:,} dead letters"
    for page, path in ask.addresses(shop).items():
        row = Row("pages", title, page, backend, "soniq", "first_ms", "soniq")
        with failing(row):
            row.runs = ask.measure(client, path, requests)
        yield row
    row = Row("pages", title, "Overview, doctor too", backend, "soniq", "first_ms", "soniq")
    with failing(row):
        row.runs = ask.repeated(client, "/", requests, forget="all")
    yield row
    client.close()


def live(port: int, pid: int, url: str, backend: str, given: argparse.Namespace) -> Iterator[Row]:
    """Yield a row for one open page, and one for many."""
    for case in OPEN:
        row = Row("live", "Live updates", case, backend, "soniq", "last_ms", "soniq")
        with failing(row):
            row.runs = asyncio.run(followed(port, pid, url, case, given))
        yield row


async def followed(
    port: int, pid: int, url: str, case: str, given: argparse.Namespace
) -> list[Figures]:
    """Return what open pages cost, and when they hear of jobs that are enqueued."""
    async with Soniq(database_url=url, enqueue_validation="none") as app:

        async def change() -> None:
            await app.enqueue("seen.soon", queue="seen")

        number, loads = OPEN[case]
        return await streams.watched(
            port,
            pid,
            number,
            loads=loads,
            seconds=given.seconds,
            changes=given.changes,
            change=change,
        )


def starts(url: str, shop: Shop, backend: str, runs: int) -> Iterator[Row]:
    """Yield a row for each command."""
    title = f"Commands over {shop.jobs:,} jobs, from start to end"
    for typed, command in commands(shop).items():
        row = Row("commands", title, typed, backend, "soniq", "total_ms", "soniq")
        with failing(row):
            run(command, url)  # files are in memory from now on
            row.runs = [run(command, url) for _ in range(runs)]
        yield row


@contextmanager
def failing(row: Row) -> Generator[None]:
    """Have a row say why it has no figures, and go on; report it either way."""
    try:
        yield
    except (Failed, TimeoutError, OSError) as problem:
        row.failed = str(problem) or type(problem).__name__
    told = row.failed or f"{row.headline} {row.median()[row.headline]:,.1f}"
    report(f"{row.scenario} ({row.backend}): {row.case}: {told}")


def report(text: str) -> None:
    """Say how far the bench has got."""
    print(text, file=sys.stderr)


def shown(results: Results) -> str:
    """Return all tables for a terminal, and what misses its aim."""
    parts = [facts(results), NOISE]
    parts += [f"{title}\n\n{markdown(lines)}" for title, lines in tables(results.rows)]
    return "\n\n".join([*parts, *missed(results.rows)]) + "\n"


@contextmanager
def prepared(given: argparse.Namespace) -> Generator[tuple[Server | None, Path]]:
    """Give a server if one is needed, and a folder; take both away afterwards."""
    with tempfile.TemporaryDirectory(prefix="soniq-bench-", dir=given.folder) as made:
        if "postgres" not in given.backend:
            yield None, Path(made)
            return
        with running_server(given.database_url, given.folder) as server:
            yield server, Path(made)


def main() -> None:
    """Read the command line, measure, print, write."""
    reader = parser()
    given = reader.parse_args()
    if unknown := set(given.backend) - set(JOBS):
        reader.error(f"Unknown backend: {', '.join(sorted(unknown))}.")
    today = datetime.now(UTC).date().isoformat()
    output: Path = given.output or RESULTS / f"{today}-pages.json"
    signal.signal(signal.SIGTERM, end)
    with prepared(given) as (server, folder):
        # No Redis has anything to do with it, whether one answers here or not.
        results = Results(today, {**all_facts(server, folder, []), "redis": {}}, [])
        for row in measure(given, server, folder):
            results.rows.append(row)
            results.write(output)
    sys.stdout.write(shown(results))
    report(f"Written to {output}")


if __name__ == "__main__":
    main()

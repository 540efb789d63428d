"""Show results as tables: for a terminal, and as the Markdown of a page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from bench.results import Results, Row

NOISE = "The machine is noisy: compare figures of one table only, and small differences not at all."
UNITS = {
    "jobs_per_s": "jobs/s",
    "worker_us_per_job": "worker µs/job",
    "client_us_per_job": "client µs/job",
    "server_us_per_job": "server µs/job",
    "wal_bytes_per_job": "WAL bytes/job",
    "transactions_per_job": "transactions/job",
    "transactions_per_s": "transactions/s",
    "cpu_percent": "worker CPU %",
    "server_cpu_percent": "server CPU %",
    "trip_ms": "SELECT 1 ms",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "worst_ms": "worst ms",
}


def titles(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield the tables: the rows of one case of one scenario on one backend."""
    for (scenario, title, case, backend), group in groupby(
        rows, lambda row: (row.scenario, row.title, row.case, row.backend)
    ):
        about = f"{scenario.upper()} {title}" + (f", {case}" if case else "")
        yield f"{about} ({backend})", list(group)


def cells(rows: list[Row]) -> list[list[str]]:
    """Return the cells of one table, its head first."""
    medians = [row.median() for row in rows]
    headline = rows[0].headline
    others = list(dict.fromkeys(name for m in medians for name in m if name != headline))
    base = next((m for r, m in zip(rows, medians, strict=True) if r.system == r.base and m), None)
    head = ["system", unit(headline), "min to max", f"of {rows[0].base}", *map(unit, others)]
    lines = [head]
    for row, median in zip(rows, medians, strict=True):
        if row.failed:
            lines.append([row.system, f"failed: {row.failed}"])
            continue
        low, high = row.spread()
        ratio = f"{median[headline] / base[headline]:.2f}" if base else ""
        spread = f"{number(low)} to {number(high)}"
        told = [number(median[name]) if name in median else "" for name in others]
        lines.append([row.system, number(median[headline]), spread, ratio, *told])
    return lines


def unit(name: str) -> str:
    """Return how a figure is headed."""
    return UNITS.get(name, name.replace("_", " "))


def number(value: float) -> str:
    """Return a figure with three digits or more."""
    size = abs(value)
    if size >= 100:  # noqa: PLR2004 - three digits
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"  # noqa: PLR2004


def facts(results: Results) -> str:
    """Return what was measured on, in one paragraph."""
    machine, postgres = results.facts["machine"], results.facts["postgres"]
    told = (
        f"Measured {results.date}: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['ram_gib']} GiB, {machine['os']}, {machine['file_system']}; "
        f"Python {machine['python']}, Soniq {machine['soniq']}, SQLite {machine['sqlite']}"
    )
    if postgres:
        kept = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        settings = ", ".join(f"{name} {postgres[name]}" for name in kept)
        told += f", PostgreSQL {postgres['server_version']} ({settings})"
    if redis := results.facts["redis"]:
        told += f", Redis {redis['redis_version']} (appendonly {redis['aof_enabled']})"
    return told + "."


def plain(results: Results) -> str:
    """Return all tables for a terminal."""
    parts = [facts(results), NOISE]
    for title, rows in titles(results.rows):
        lines = cells(rows)
        full = [line for line in lines if len(line) == len(lines[0])]
        widths = [max(len(line[column]) for line in full) for column in range(len(lines[0]))]
        widths[0] = max(len(line[0]) for line in lines)
        shown = [
            "  ".join(
                cell.ljust(widths[n]) if n == 0 or len(line) == 2 else cell.rjust(widths[n])  # noqa: PLR2004
                for n, cell in enumerate(line)
            ).rstrip()
            for line in lines
        ]
        parts.append("\n".join([title, *shown]))
    return "\n\n".join(parts) + "\n"


def markdown(rows: list[Row]) -> str:
    """Return one table as Markdown."""
    head, *lines = cells(rows)
    out = [head, ["---", *["---:"] * (len(head) - 1)]]
    out += [line + [""] * (len(head) - len(line)) for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in out)

"""What came of a run: figures (pure), and how they are shown."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from soniq.cli import render
from soniq.cli.demo.history import Rows
from soniq.cli.demo.plan import Kind
from soniq.cli.escape import mask_url
from soniq.job import DeadLetter, Job

LARGEST = 5
COUNTED = ("lines", "functions", "classes", "imports")


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run. ``seconds``, ``settled`` and ``jobs_per_second`` are of this call.

    ``wait_…`` are seconds from due to started; ``largest`` are (path, lines).
    """

    run: int
    states: dict[str, int]
    dead_letters: dict[str, int]
    attempts: int
    first_try: int
    retried: int
    settled: int
    seconds: float
    jobs_per_second: float
    wait_p50: float
    wait_p95: float
    totals: dict[str, int]
    largest: list[tuple[str, int]]


def summarize(rows: Rows, *, settled: int, seconds: float) -> Summary:
    """Return the figures of a run from its rows."""
    ended: list[Job | DeadLetter] = [*rows.jobs, *rows.letters]
    parsed = [(job, cast("dict[str, int]", job.result)) for job in rows.jobs if job.result]
    waits = sorted(wait for row in ended if (wait := waited(row)) is not None)
    by_lines = sorted(parsed, key=lambda pair: pair[1]["lines"], reverse=True)
    return Summary(
        run=rows.number,
        states=dict(Counter(job.status.value for job in rows.jobs)),
        dead_letters=dict(Counter(letter.reason for letter in rows.letters)),
        attempts=sum(row.attempts for row in ended),
        first_try=sum(job.status == "done" and job.attempts == 1 for job in rows.jobs),
        retried=sum(row.attempts > 1 for row in ended),
        settled=settled,
        seconds=round(seconds, 2),
        jobs_per_second=round(settled / seconds, 1) if seconds else 0.0,
        wait_p50=round(percentile(waits, 50), 3),
        wait_p95=round(percentile(waits, 95), 3),
        totals={name: sum(result[name] for _, result in parsed) for name in COUNTED},
        largest=[(str(job.args["path"]), result["lines"]) for job, result in by_lines[:LARGEST]],
    )


def waited(row: Job | DeadLetter) -> float | None:
    """Return the seconds from when a job was due to when its last attempt started."""
    if row.started_at is None:
        return None
    return max((row.started_at - row.scheduled_at).total_seconds(), 0.0)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of the ordered ones do not exceed; 0 of nothing."""
    if not ordered:
        return 0.0
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def show(summary: Summary, letters: Sequence[DeadLetter], url: str | None) -> None:
    """Print the figures on stdout, and on stderr what to try next."""
    totals = summary.totals
    render.facts(
        {
            "run": summary.run,
            "jobs": sum(summary.states.values()) + len(letters),
            **summary.states,
            **{f"dead: {reason}": n for reason, n in sorted(summary.dead_letters.items())},
            "attempts": f"{summary.attempts:,} ({summary.retried} jobs needed more than one)",
            "throughput": f"{summary.jobs_per_second:,.0f} jobs/s "
            f"({summary.settled:,} jobs in {summary.seconds:.1f} s)",
            "wait until started": f"{summary.wait_p50:.2f} s (p50), {summary.wait_p95:.2f} s (p95)",
            "parsed": ", ".join(f"{totals[name]:,} {name}" for name in COUNTED),
            "largest": ", ".join(f"{path} ({lines:,})" for path, lines in summary.largest[:3]),
        }
    )
    for line in suggestions(letters, url):
        render.remark(line)


def suggestions(letters: Sequence[DeadLetter], url: str | None) -> list[str]:
    """Return what to try next, as commands that work as they stand (but for a password)."""
    doomed = [letter.id for letter in letters if letter.job_name == Kind.DOOMED]
    commands = [
        ("soniq status", "the queues and their numbers"),
        ("soniq jobs list --limit 5", "the newest jobs"),
        ("soniq dead-letter list", "what went wrong for good, and why"),
    ]
    if doomed:
        commands += [
            (f"soniq dead-letter show {doomed[0]}", "one of them, with its traceback"),
            (f"soniq dead-letter replay {doomed[0]}", "queue it again, then run it:"),
        ]
    commands.append(("soniq demo", "go on, or start the next run"))
    where = [f"  export SONIQ_DATABASE_URL={shlex.quote(mask_url(url))}"] if url else []
    return ["", "Try next:", *where, *(f"  {command}   # {why}" for command, why in commands)]

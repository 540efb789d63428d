"""Checks of what waits and what has failed: queues, dead letters, schedules."""

from __future__ import annotations

from datetime import timedelta
from shlex import quote

from soniq.doctor.case import Case
from soniq.doctor.check import check
from soniq.doctor.finding import Verdict, error, ok, skipped, warning
from soniq.doctor.words import listed, share, span
from soniq.figures import Figures
from soniq.schedule import Schedule, ScheduleStatus

LONG_PAUSE = timedelta(hours=1)
LATE, TOO_LATE = timedelta(minutes=5), timedelta(hours=1)
MANY_LETTERS = 1000
FEW_ATTEMPTS = 20
MANY_FAILURES, MOST_FAILURES = 0.1, 0.5
LATELY = timedelta(days=1)
OVERDUE = timedelta(minutes=1)


@check("paused-queue", "Paused queues")
def paused_queue(case: Case) -> Verdict:
    """Look for pauses that somebody may have forgotten."""
    pauses = [one.pause for one in case.standings if one.pause]
    long = [pause for pause in pauses if case.ago(pause.paused_at) >= LONG_PAUSE]
    if not long:
        return ok(f"{len(pauses)} paused, none for longer than an hour")
    told = listed(
        f"{one.queue} for {span(case.ago(one.paused_at))} by {one.paused_by}"
        f"{f' ({one.reason})' if one.reason else ''}"
        for one in long
    )
    return warning(told, " && ".join(f"soniq queues resume {quote(one.queue)}" for one in long))


@check("oldest-due", "Jobs that wait")
def oldest_due(case: Case) -> Verdict:
    """Look for queues that are served and not paused, and whose first job waits all the same."""
    waits = {
        one.queue: case.ago(one.oldest_due_at)
        for one in case.standings
        if one.oldest_due_at and one.served_by and one.pause is None
    }
    late = {queue: wait for queue, wait in waits.items() if wait >= LATE}
    if not late:
        return ok("none has been due for longer than 5 min")
    told = listed(f"{queue}: due for {span(wait)}" for queue, wait in late.items())
    cure = "soniq top  # see what takes the time; then add workers, or raise --concurrency"
    return error(told, cure) if max(late.values()) >= TOO_LATE else warning(told, cure)


@check("dead-letters", "Dead letters")
def dead_letters(case: Case) -> Verdict:
    """Look whether jobs that will not run again by themselves pile up."""
    counts = {one.queue: one.dead_letter for one in case.standings if one.dead_letter}
    told = listed(f"{queue}: {count:,}" for queue, count in counts.items()) or "there are none"
    if sum(counts.values()) >= MANY_LETTERS:
        return warning(told, "soniq dead-letter groups  # then replay, delete or cleanup")
    return ok(told)


@check("failures", "Failed attempts")
def failures(case: Case) -> Verdict:
    """Look at the share of attempts of the last hour that have failed, by queue."""
    if not case.settings.rollups:
        return skipped("attempts are not counted: SONIQ_ROLLUPS is off")
    parts = {
        queue: failed_share(figures)
        for queue, figures in case.last_hour.items()
        if ended(figures) >= FEW_ATTEMPTS
    }
    bad = {queue: part for queue, part in parts.items() if part >= MANY_FAILURES}
    if not bad:
        return ok(f"less than {MANY_FAILURES:.0%} in every queue in the last hour")
    told = listed(
        f"{queue}: {case.last_hour[queue].failed:,} of {ended(case.last_hour[queue]):,} "
        f"({share(case.last_hour[queue].failed, ended(case.last_hour[queue]))})"
        for queue in bad
    )
    cure = "soniq dead-letter groups  # which errors; and see the workers' log"
    return error(told, cure) if max(bad.values()) >= MOST_FAILURES else warning(told, cure)


def ended(figures: Figures) -> int:
    """Return how many attempts came to an end of either kind."""
    return figures.completed + figures.failed


def failed_share(figures: Figures) -> float:
    """Return which part of the attempts failed."""
    return figures.failed / ended(figures)


@check("orphaned-schedule", "Schedules without code")
def orphaned_schedule(case: Case) -> Verdict:
    """Look for schedules that the code no longer declares; nobody fires them."""
    orphans = [one.name for one in case.schedules if one.orphaned_at]
    if not orphans:
        return ok(f"{len(case.schedules)} schedules, none orphaned")
    cure = " && ".join(f"soniq schedules remove {quote(name)}" for name in orphans)
    return warning(f"no longer in the code: {listed(orphans)}", cure)


@check("overdue-schedule", "Schedules that are overdue")
def overdue_schedule(case: Case) -> Verdict:
    """Look for ticks that are due and that nobody fires: no scheduler runs."""
    late = {one.name: case.ago(one.next_at) for one in firing(case)}
    late = {name: wait for name, wait in late.items() if wait >= OVERDUE}
    if not late:
        return ok("none is overdue")
    told = listed(f"{name} is overdue by {span(wait)}" for name, wait in late.items())
    return error(told, "soniq scheduler module:app  # or: soniq worker --with-scheduler")


@check("missed-ticks", "Missed ticks")
def missed_ticks(case: Case) -> Verdict:
    """Look for ticks of the last day that nobody could fire at their time."""
    missed = [one for one in case.schedules if one.missed_at and case.ago(one.missed_at) < LATELY]
    if not missed:
        return ok("none in the last day")
    told = listed(f"{one.name}: {one.missed_count:,} so far" for one in missed)
    cure = f"soniq schedules run {quote(missed[0].name)}  # and keep two schedulers running"
    return warning(told, cure)


def firing(case: Case) -> list[Schedule]:
    """Return the schedules that a scheduler would fire."""
    return [
        one
        for one in case.schedules
        if one.status is ScheduleStatus.ACTIVE and one.orphaned_at is None
    ]

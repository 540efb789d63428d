"""The promises, as pure functions over a history: each yields a line for every breach it finds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.chaos.history import TERMINAL, History, Row

SHOWN = 5  # lines for each promise; the rest is counted


def nothing_is_lost(history: History) -> Iterator[str]:
    """I1: every job that was enqueued has ended."""
    ended = {row.id for row in history.rows if row.status in TERMINAL}
    there = {row.id: row for row in history.rows}
    for enqueue in history.enqueues:
        if enqueue.outcome == "ok" and enqueue.job_id not in ended:
            row = there.get(enqueue.job_id or "")
            state = f"is still {row.status}" if row else "is gone"
            yield f"job {enqueue.number} ({enqueue.job_id}) was enqueued and {state}"


def ends_are_final(history: History) -> Iterator[str]:
    """I2: a job ends in one state, and stays there."""
    rows = {row.id: row for row in history.rows}
    for job_id, number in Counter(row.id for row in history.rows).items():
        if number > 1:
            states = ", ".join(row.status for row in history.rows if row.id == job_id)
            yield f"job {rows[job_id].number} ({job_id}) stands there {number} times: {states}"
    for job_id, (status, fence) in history.earlier.items():
        row = rows.get(job_id)
        now = (row.status, row.fence) if row else ("gone", 0)
        if status in TERMINAL and now != (status, fence):
            yield f"job {job_id} was {status} (fence {fence}), then {now[0]} (fence {now[1]})"


def committed_effects_are_exact(history: History) -> Iterator[str]:
    """I3: what commits with the outcome is there once for each job that is done, else not."""
    for row in history.rows:
        expected = int(row.status == "done")
        found = history.committed.get(row.id, expected)
        if found != expected:
            yield f"job {row.number} ({row.id}) is {row.status} and took effect {found} times"


def extra_runs_are_explained(history: History) -> Iterator[str]:
    """I4: a job runs again only after a kill, a lost lease or a failure of its run before."""
    hit = {kill.process for kill in history.kills} | history.stalled
    for before, again in history.repeats():
        if before.process not in hit:
            yield (
                f"job {before.number} ({before.job_id}) ran in process {before.process}, which "
                f"nobody killed, and again in process {again.process}"
            )


def extra_runs_are_few(history: History) -> Iterator[str]:
    """I4: runs beyond the first are no more than the jobs that killed processes were running."""
    held = [kill.held for kill in history.kills]
    if history.stalled or None in held:
        return
    extra, most = history.extra(), sum(number or 0 for number in held)
    if extra > most:
        yield f"{extra} extra runs, though the {len(held)} kills hit only {most} running jobs"


def attempts_do_not_overlap(history: History) -> Iterator[str]:
    """I5: two runs of a job overlap only where the older one's worker had lost its lease."""
    killed_at = {kill.process: kill.at for kill in history.kills}
    ended = {
        (effect.job_id, effect.process, effect.attempt): effect.at
        for effect in history.effects
        if effect.what in {"end", "failed", "lost"}
    }
    for job_id, starts in history.steps("start").items():
        for before, again in pairwise(starts):
            if before.process in history.stalled:
                continue
            over = ended.get((job_id, before.process, before.attempt))
            over = over or killed_at.get(before.process, float("inf"))
            if again.at < over:
                yield (
                    f"job {before.number} ({job_id}) started in process {again.process} while "
                    f"process {before.process} was running it"
                )


def the_last_owner_writes(history: History) -> Iterator[str]:
    """I5: the outcome is that of the last claim; no older one has written after it."""
    for row in history.rows:
        if row.status != "done" or not isinstance(row.result, dict):
            continue
        wrote, owns = (row.result["worker"], row.result["attempt"]), (row.worker, row.attempts)
        if wrote != owns:
            yield (
                f"job {row.number} ({row.id}) belongs to attempt {owns[1]} of worker {owns[0]}, "
                f"but attempt {wrote[1]} of worker {wrote[0]} wrote its result"
            )


def refused_writes_are_lost_leases(history: History) -> Iterator[str]:
    """I5: the fence refuses the outcomes of stalled processes, every one and no others."""
    rows = {row.id: row for row in history.rows}
    refused = {(lost.job_id, lost.process) for lost in history.effects if lost.what == "lost"}
    for job_id, process in refused:
        if process not in history.stalled:
            yield f"process {process} kept its lease, yet its outcome of job {job_id} was refused"
    for job_id, starts in history.steps("start").items():
        row = rows.get(job_id)
        for start in starts:
            stale = row is not None and row.worker != start.worker
            if start.process in history.stalled and stale:
                alive = start.process not in {kill.process for kill in history.kills}
                if alive and (job_id, start.process) not in refused:
                    yield (
                        f"job {start.number} ({job_id}) was taken from process {start.process}, "
                        "and its write was not refused"
                    )


def attempts_are_counted(history: History) -> Iterator[str]:
    """I6: attempts rise from start to start; a crash and a failure spend one, nothing else does."""
    failed, starts = history.steps("failed"), history.steps("start")
    last = {row.id: row.max_attempts for row in history.rows}
    for job_id, runs in starts.items():
        for before, again in pairwise(runs):
            # The last attempt can come twice: a crash always leaves one more.
            if again.attempt <= before.attempt < last.get(job_id, 1):
                change = f"{before.attempt}, then attempt {again.attempt}"
                yield f"job {before.number} ({job_id}) had attempt {change}"
    for row in history.rows:
        least = row.crashes + 1
        # A run that has failed may have crashed all the same, before that was written.
        most = least + len(failed.get(row.id, ()))
        if row.status == "done" and not capped(row, least) <= row.attempts <= capped(row, most):
            yield f"job {row.number} ({row.id}) has spent {row.attempts} attempts, not {least}"
        number = len(starts.get(row.id, ()))
        if row.status == "done" and number > row.fence:
            yield f"job {row.number} ({row.id}) ran {number} times on {row.fence} claims"


def capped(row: Row, attempts: int) -> int:
    """Return a number of attempts, or the largest that the job may have."""
    return min(attempts, row.max_attempts)


def nothing_is_left(history: History) -> Iterator[str]:
    """I7: in the end nothing runs, and no connection or transaction is left open."""
    for row in history.rows:
        if row.status == "processing":
            yield f"job {row.number} ({row.id}) is still held by worker {row.worker}"
    if history.leftovers is not None and history.leftovers.connections:
        yield f"{history.leftovers.connections} connections are left: {history.leftovers.what}"
    if history.leftovers is not None and history.leftovers.idle_in_transaction:
        yield f"{history.leftovers.idle_in_transaction} transactions are left open"


def keys_are_unique(history: History) -> Iterator[str]:
    """I8: one waiting job for each key, one job for each tick of a schedule."""
    waiting = [row for row in history.rows if row.status == "queued" and row.unique_key]
    for key, number in Counter(row.unique_key for row in waiting).items():
        if number > 1:
            yield f"{number} jobs wait under the key {key!r}"
    for (schedule, tick), number in Counter(history.ticks).items():
        if number > 1:
            yield f"tick {tick} of schedule {schedule!r} was enqueued {number} times"


def producers_are_told_the_truth(history: History) -> Iterator[str]:
    """I9: failed enqueues never run, unknown ones are one job at most, and nothing else runs."""
    jobs: defaultdict[int, set[str]] = defaultdict(set)
    for effect in history.effects:
        jobs[effect.number].add(effect.job_id)
    for row in history.rows:
        jobs[row.number].add(row.id)
    most = {"ok": 1, "unknown": 1, "failed": 0}
    asked = {enqueue.number: enqueue.outcome for enqueue in history.enqueues}
    for number, ids in jobs.items():
        if number not in asked:
            yield f"job {number} was never enqueued"
        elif len(ids) > most[asked[number]]:
            yield f"job {number}: enqueue {asked[number]}, yet there are {len(ids)} such jobs"


def order_is_kept(history: History) -> Iterator[str]:
    """I10: within a queue and priority no job overtakes more others than the bound says."""
    if history.order_bound is None:
        return
    rows = {row.id: row for row in history.rows}
    lines: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for first in sorted((s[0] for s in history.steps("start").values()), key=lambda s: s.at):
        if row := rows.get(first.job_id):
            lines[row.queue, row.priority].append(first.number)
    for (queue, priority), numbers in lines.items():
        rank = {number: place for place, number in enumerate(sorted(numbers))}
        for place, number in enumerate(numbers):
            if rank[number] - place > history.order_bound:
                yield (
                    f"job {number} of queue {queue!r}, priority {priority}, overtook "
                    f"{rank[number] - place} others"
                )


CHECKS: dict[str, tuple[Callable[[History], Iterator[str]], ...]] = {
    "I1": (nothing_is_lost,),
    "I2": (ends_are_final,),
    "I3": (committed_effects_are_exact,),
    "I4": (extra_runs_are_explained, extra_runs_are_few),
    "I5": (attempts_do_not_overlap, the_last_owner_writes, refused_writes_are_lost_leases),
    "I6": (attempts_are_counted,),
    "I7": (nothing_is_left,),
    "I8": (keys_are_unique,),
    "I9": (producers_are_told_the_truth,),
    "I10": (order_is_kept,),
}


def violations(history: History) -> list[str]:
    """Return what is wrong, a readable line each; an empty list if every promise was kept."""
    found: list[str] = []
    for promise, checks in CHECKS.items():
        lines = [line for check in checks for line in check(history)]
        found += [f"{promise}: {line}" for line in lines[:SHOWN]]
        if len(lines) > SHOWN:
            found.append(f"{promise}: and {len(lines) - SHOWN} more")
    return found


def lost(history: History) -> int:
    """Return how many enqueued jobs have not ended."""
    return sum(1 for _ in nothing_is_lost(history))


def dead(history: History) -> list[Row]:
    """Return the dead letters."""
    return [row for row in history.rows if row.status == "dead"]

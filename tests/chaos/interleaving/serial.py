"""What may come of two calls: what comes of one after the other, in either order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from heapq import heappush
from itertools import combinations, combinations_with_replacement, permutations
from typing import Any

from soniq.backends.memory import MemoryBackend
from soniq.backends.memory.tables import Tables
from soniq.job import JobStatus
from tests.chaos.interleaving.verbs import JOB, STATES, TWIN, VERBS, Party, Scene, Stores, Verb
from tests.support import FrozenClock
from tests.support.clock import START

Answers = tuple[object, object]
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Picture:
    """All that can be seen in the tables, by id; and how many attempts have ended, by outcome."""

    jobs: dict[str, dict[str, Any]]
    dead_letters: dict[str, dict[str, Any]]
    leases: dict[str, Any]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class End:
    """What two calls have answered and what they have left."""

    answers: Answers
    picture: Picture


@dataclass(frozen=True, slots=True)
class Case:
    """Two verbs in a starting state, and the ends that are lawful."""

    state: str
    verbs: tuple[str, str]
    lawful: list[End]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.state}: {self.verbs[0]} and {self.verbs[1]}"


async def seen(stores: Stores, unseen: dict[str, tuple[int, bool]]) -> Picture:
    """Look at all tables; ``unseen`` tells each job's fence, and whether its end is asked for."""
    jobs = {job.id: dict(job) for job in await stores.jobs.find(limit=1000)}
    for job_id, (fence, stopping) in unseen.items():
        # The wish for an end says something only as long as there is somebody to follow it.
        running = jobs[job_id]["status"] is JobStatus.PROCESSING
        jobs[job_id] |= {"fence": fence, "stopping": running and stopping}
    letters = {one.id: dict(one) for one in await stores.dead_letters.find(limit=1000)}
    leases = {one.id: one.expires_at for one in await stores.workers.find()}
    counts: Counter[str] = Counter()
    for one in await stores.stats.rollups(since=START - DAY, until=START + DAY):
        counts[one.outcome] += one.count
    return Picture(jobs, letters, leases, dict(counts))


def rescuing(job_id: str) -> Verb:
    """Return the verb that rescues this job alone, in the model."""

    async def rescue_one(party: Party) -> object:
        processing = party.stores.jobs._tables.processing  # type: ignore[attr-defined]
        others = processing - {job_id}
        processing -= others
        answer = await VERBS["rescue"](party)
        processing |= others
        return answer

    return rescue_one


# Calls that promise no more than that each job moves in one step: somebody may come between.
PARTS: dict[str, tuple[Verb, ...]] = {
    "rescue": (rescuing(JOB), rescuing(TWIN)),
    "retry both": (VERBS["retry"], VERBS["retry twin"]),
}


# Calls that sweep over the table. They see it as it was when they began and pass over rows that
# somebody is changing: what has changed since the start may be left for their next time.
SWEEPS = frozenset({"claim", "claim across", "rescue", "prune", "purge", "bury unknown"})


# Verbs that are played also where they must do nothing, whoever comes first: their guards count.
GUARDED = frozenset({"claim", "complete", "retry", "bury", "rescue", "cancel"})


@dataclass(frozen=True, slots=True)
class Move:
    """One step of the model: whose it is, what is done, and the jobs that it overlooks."""

    number: int
    verb: Verb
    sweeps: bool = False
    overlooked: frozenset[str] = frozenset()


def moves_of(number: int, verb: str) -> list[Move]:
    """Return what a call consists of."""
    return [Move(number, part, verb in SWEEPS) for part in PARTS.get(verb, (VERBS[verb],))]


@contextmanager
def hidden(tables: Tables, job_ids: frozenset[str]) -> Generator[None]:
    """Take jobs out of the tables of the model for a while."""
    rows = [tables.jobs.pop(job_id) for job_id in job_ids & tables.jobs.keys()]
    processing = tables.processing & job_ids
    tables.processing -= processing
    yield
    tables.processing |= processing
    for row in rows:
        tables.jobs[row.id] = row
        if row.status is JobStatus.QUEUED:
            tables.line_up(row)
        if row.finished_at is not None:
            heappush(tables.ended, (row.finished_at, row.id))


async def in_order(state: str, moves: Iterable[Move]) -> End:
    """Return what comes of moves one after the other."""
    clock, tables = FrozenClock(), Tables()
    scene = Scene(MemoryBackend(clock, tables), clock)
    await STATES[state](scene)
    answers: list[Any] = [None, None]
    for move in moves:
        with hidden(tables, move.overlooked):
            answer: Any = await move.verb(Party(scene.stores, clock, scene.claims, move.number))
        before = answers[move.number]
        answers[move.number] = answer if before is None else before | answer
    unseen = {row.id: (row.fence, row.cancel_requested) for row in tables.jobs.values()}
    return End((answers[0], answers[1]), await seen(scene.stores, unseen))


async def ends(state: str, order: Iterable[Move]) -> list[End]:
    """Return all that may come of moves in an order, whatever the sweeps overlook."""
    start = (await in_order(state, [])).picture.jobs
    histories: list[list[Move]] = [[]]
    for move in order:
        longer: list[list[Move]] = []
        for history in histories:
            now = (await in_order(state, history)).picture.jobs if move.sweeps else {}
            changed = [job_id for job_id, row in now.items() if row != start.get(job_id)]
            for number in range(len(changed) + 1):
                longer += [
                    [*history, replace(move, overlooked=frozenset(some))]
                    for some in combinations(changed, number)
                ]
        histories = longer
    return [await in_order(state, history) for history in histories]


async def cases(state: str) -> list[Case]:
    """Return all pairs of verbs, also of one with itself, that matter to each other in a state."""
    found = [await case_of(state, verbs) for verbs in combinations_with_replacement(VERBS, 2)]
    return [case for case in found if case is not None]


async def case_of(state: str, verbs: tuple[str, str]) -> Case | None:
    """Return the case, or None where one of the two has nothing to do, whoever comes first."""
    first, second = (Move(number, VERBS[verb]) for number, verb in enumerate(verbs))
    busy = [await is_busy(state, one, other) for one, other in permutations((first, second))]
    if not any(busy):
        return None
    if not all(on or verb in GUARDED for on, verb in zip(busy, verbs, strict=True)):
        return None
    lawful: list[End] = []
    for order in permutations(moves_of(0, verbs[0]) + moves_of(1, verbs[1])):
        lawful += [end for end in await ends(state, order) if end not in lawful]
    return Case(state, verbs, lawful)


async def is_busy(state: str, one: Move, other: Move) -> bool:
    """Tell whether a move changes anything, or answers otherwise, before or after another one."""
    if one.verb is VERBS["roll up"]:
        return True  # the model counts at once: only others have something to add
    start = await in_order(state, [])
    alone, without = await in_order(state, [one]), await in_order(state, [other])
    before, after = await in_order(state, [one, other]), await in_order(state, [other, one])
    changes = alone.picture != start.picture or after.picture != without.picture
    return changes or before.answers[one.number] != after.answers[one.number]


def complaint(case: Case, steps: str, end: End) -> str:
    """Say what came of it, and how that differs from each end that is lawful."""
    lines = [str(case), f"  steps: {steps}", f"  answers: {end.answers!r}"]
    for lawful in case.lawful:
        found, expected = flat(end), flat(lawful)
        differing = sorted(
            key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)
        )
        differences = [f"{key}={found.get(key)}, not {expected.get(key)}" for key in differing]
        lines.append("  differs from a lawful end: " + "; ".join(differences))
    return "\n".join(dict.fromkeys(lines))


def flat(end: End) -> dict[str, object]:
    """Return an end as single facts."""
    facts: dict[str, object] = {f"answer {n + 1}": end.answers[n] for n in (0, 1)}
    for table, rows in (("job", end.picture.jobs), ("dead", end.picture.dead_letters)):
        for job_id, row in rows.items():
            facts |= {f"{table} {job_id[-2:]}.{column}": value for column, value in row.items()}
    facts |= {f"count {outcome}": count for outcome, count in end.picture.counts.items()}
    return facts | {f"lease {one[-2:]}": moment for one, moment in end.picture.leases.items()}

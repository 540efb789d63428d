"""The checker sees: for each promise, a history that breaks it, made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checker import CHECKS, SHOWN, violations
from tests.chaos.effects import Effect
from tests.chaos.history import Enqueue, History, Kill, Leftovers, Row

A, B = "worker-a", "worker-b"


def ran(process: int, start: float, end: float | None, *, attempt: int = 1) -> list[Effect]:
    """Return the lines of a run of job 0."""
    worker = (A, B)[process]
    steps = [("start", start)] + ([("effect", end), ("end", end)] if end is not None else [])
    return [Effect(what, 0, "id-0", attempt, worker, process, at) for what, at in steps]


def done(worker: str = A, *, attempts: int = 1, crashes: int = 0) -> Row:
    """Return the row of job 0 as its last owner leaves it."""
    result = {"worker": worker, "attempt": attempts}
    return Row(
        "id-0", 0, "done", attempts, fence=attempts, crashes=crashes, worker=worker, result=result
    )


GOOD = History([Enqueue(0, "ok", "id-0")], ran(0, 1.0, 2.0), [done()])
CRASHED = History(
    [Enqueue(0, "ok", "id-0")],
    ran(0, 1.0, None) + ran(1, 4.0, 5.0, attempt=2),
    [done(B, attempts=2, crashes=1)],
    [Kill(0, 2.0, held=1)],
)
STALLED = replace(
    CRASHED,
    effects=[
        *ran(0, 1.0, None),
        *ran(1, 4.0, 5.0, attempt=2),
        Effect("lost", 0, "id-0", 1, A, 0, 9.0),
    ],
    kills=[],
    stalled=frozenset({0}),
)
LOST = Effect("lost", 0, "id-0", 1, A, 0, 3.0)
QUEUED = Row("id-1", 1, "queued", 0, fence=0, unique_key="key")


def several(*numbers: int) -> list[Effect]:
    """Return first starts of jobs in this order."""
    return [Effect("start", n, f"id-{n}", 1, A, 0, float(at)) for at, n in enumerate(numbers)]


BAD = {
    "I1 a job is gone": replace(GOOD, rows=[]),
    "I1 a job still waits": replace(GOOD, rows=[replace(done(), status="queued")]),
    "I2 done and a dead letter": replace(GOOD, rows=[done(), replace(done(), status="dead")]),
    "I2 done, then queued": replace(
        GOOD, rows=[replace(done(), status="queued")], earlier={"id-0": ("done", 1)}
    ),
    "I2 done twice": replace(GOOD, earlier={"id-0": ("done", 7)}),
    "I3 committed twice": replace(GOOD, committed={"id-0": 2}),
    "I3 done without effect": replace(GOOD, committed={"id-0": 0}),
    "I4 nobody was killed": replace(CRASHED, kills=[]),
    "I4 another was killed": replace(CRASHED, kills=[Kill(7, 2.0, held=1)]),
    "I4 more than were hit": replace(CRASHED, kills=[Kill(0, 2.0, held=0)]),
    "I5 two at once": replace(CRASHED, kills=[Kill(0, 4.5, held=1)]),
    "I5 a stale write has landed": replace(
        STALLED, rows=[replace(done(B, attempts=2, crashes=1), result={"worker": A, "attempt": 1})]
    ),
    "I5 refused without reason": replace(GOOD, effects=[*GOOD.effects, LOST]),
    "I5 not refused": replace(STALLED, effects=STALLED.effects[:-1]),
    "I6 an attempt came twice": replace(
        CRASHED, effects=ran(0, 1.0, None) + ran(1, 4.0, 5.0, attempt=1)
    ),
    "I6 spent for nothing": replace(CRASHED, rows=[done(B, attempts=3, crashes=1)]),
    "I6 more runs than claims": replace(CRASHED, rows=[replace(CRASHED.rows[0], fence=1)]),
    "I7 still running": replace(GOOD, rows=[replace(done(), status="processing")]),
    "I7 a connection": replace(GOOD, leftovers=Leftovers(connections=1)),
    "I7 a transaction": replace(GOOD, leftovers=Leftovers(idle_in_transaction=1)),
    "I8 one key, two jobs": replace(GOOD, rows=[QUEUED, replace(QUEUED, id="id-2", number=2)]),
    "I8 one tick, two jobs": replace(GOOD, ticks=[("daily", "09:00"), ("daily", "09:00")]),
    "I9 failed, and ran": replace(GOOD, enqueues=[Enqueue(0, "failed")]),
    "I9 unknown, and there twice": replace(
        GOOD, enqueues=[Enqueue(0, "unknown")], rows=[done(), replace(done(), id="id-9")]
    ),
    "I9 never asked for": replace(GOOD, enqueues=[]),
    "I10 one overtook three": History(
        [Enqueue(n, "ok", f"id-{n}") for n in range(4)],
        several(3, 0, 1, 2),
        [Row(f"id-{n}", n, "done", worker=A) for n in range(4)],
        order_bound=2,
    ),
}


@pytest.mark.parametrize("history", [GOOD, CRASHED, STALLED], ids=["good", "crashed", "stalled"])
def test_honest_histories_pass(history: History) -> None:
    """What is promised to happen is no breach: a run, a crash, a lost lease."""
    assert violations(history) == []


@pytest.mark.parametrize("case", BAD)
def test_each_breach_is_seen(case: str) -> None:
    """A history that breaks one promise yields a line of that promise."""
    promise = case.partition(" ")[0]
    found = violations(BAD[case])
    assert [line for line in found if line.startswith(f"{promise}: ")], found


def test_there_is_a_bad_history_for_each_promise() -> None:
    """No promise goes without a history that breaks it."""
    assert {case.partition(" ")[0] for case in BAD} == set(CHECKS)


def test_unknown_and_failed_enqueues_may_come_to_nothing() -> None:
    """A reply that was lost may mean no job, or one."""
    assert violations(History([Enqueue(0, "unknown"), Enqueue(1, "failed")])) == []
    assert violations(replace(GOOD, enqueues=[Enqueue(0, "unknown")])) == []


def test_order_within_the_bound_passes() -> None:
    """Jobs may overtake as many others as a worker holds."""
    assert violations(replace(BAD["I10 one overtook three"], order_bound=3)) == []


def test_many_breaches_are_counted() -> None:
    """A thousand lost jobs are a few lines and a number."""
    found = violations(History([Enqueue(n, "ok", f"id-{n}") for n in range(1000)]))
    assert len(found) == SHOWN + 1
    assert found[-1] == "I1: and 995 more"

"""When a worker looks for jobs."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from soniq.backends.contract import Queues
from soniq.job import ClaimedJob
from soniq.registry import Registry
from soniq.settings import Settings
from soniq.worker.claim import Claimer
from soniq.worker.inflight import READ_AHEAD_CLAIMS, READ_AHEAD_SECONDS, read_ahead, wanted
from soniq.worker.shutdown import Shutdown
from soniq.worker.wishes import Wishes
from tests.support.clock import FrozenClock


class IdleBackend:
    """A database without due jobs; notes what it is asked, and for how long somebody waits."""

    def __init__(self, clock: FrozenClock, *, prompt: bool, due_in: float | None) -> None:
        self.jobs = self.wakeups = self
        self.prompt = prompt
        self._clock = clock
        self._due_in = due_in
        self.asked: list[str] = []
        self.waits: list[float] = []
        self.roused = False
        self.called: Collection[str] = ()
        self.looked_at: list[Queues] = []
        # When calls come, by the monotonic clock, each with a job. Where there are any, nothing
        # else rouses.
        self.calls: list[float] = []
        self.claim_seconds = 0.0
        self.there: list[Any] = []

    async def claim(
        self, queues: Queues, *, limit: int, worker: str, unknown: Collection[str] = ()
    ) -> list[ClaimedJob]:
        """Give what there is, mostly nothing; it takes a while to find that out."""
        self._clock.advance(seconds=self.claim_seconds)
        self.asked.append("claim")
        self.looked_at.append(queues)
        jobs, self.there = self.there[:limit], self.there[limit:]
        return jobs

    async def due_in(self, queues: Queues, *, unknown: Collection[str] = ()) -> float | None:
        """Tell what the test says."""
        self.asked.append("due_in")
        return self._due_in

    async def wait(self, queues: Queues, timeout: float) -> Collection[str]:
        """Let the time pass, or be roused half way, or by the next of the calls."""
        self.waits.append(timeout)
        if self.calls:
            until_call = self.calls[0] - self._clock.monotonic()
            self._clock.advance(seconds=min(until_call, timeout))
            if until_call > timeout:
                return ()
            del self.calls[0]
            self.there = [SimpleNamespace(job_name="send", crashes=0)]
            return {"mail"}
        self._clock.advance(seconds=timeout / 2 if self.roused else timeout)
        return self.called


def claimer_of(backend: Any, clock: FrozenClock, took: list[float], *, room: int = 1) -> Claimer:
    """Return a claimer with free slots and the default settings, noting the time of claims."""
    changed = SimpleNamespace(clear=lambda: None)
    held = SimpleNamespace(changed=changed, room=lambda: room, apart=None)
    inflight: Any = SimpleNamespace(**vars(held), set_apart=list, take=list, claim_took=took.append)
    settings = Settings()
    return Claimer(
        backend,
        inflight,
        Registry(settings.task_name_pattern),
        worker_id="w",
        queues=None,
        clock=clock,
        settings=settings,
        wishes=Wishes(inflight, Shutdown()),
    )


@pytest.mark.parametrize(("prompt", "seconds"), [(True, 10.0), (False, 1.0)])
async def test_looks_seldom_where_wake_ups_arrive(
    clock: FrozenClock, *, prompt: bool, seconds: float
) -> None:
    """``poll_interval`` is for whom nobody can rouse; others look ten times less often."""
    backend = IdleBackend(clock, prompt=prompt, due_in=None)
    claimer = claimer_of(backend, clock, [])
    for _ in range(4):
        await claimer.one_pass()
    assert all(0.9 * seconds <= wait <= 1.1 * seconds for wait in backend.waits)
    # Nobody rouses it, so what is due next is still what it was.
    assert backend.asked == ["claim", "due_in", "claim", "claim", "claim"]


async def test_sleeps_until_the_next_job_is_due(clock: FrozenClock) -> None:
    """It wakes for the next job that is due, and asks again what comes after that."""
    backend = IdleBackend(clock, prompt=True, due_in=2.5)
    claimer = claimer_of(backend, clock, [])
    for _ in range(2):
        await claimer.one_pass()
    assert backend.waits == [2.5, 2.5]
    assert backend.asked == ["claim", "due_in"] * 2


async def test_roused_it_asks_anew(clock: FrozenClock) -> None:
    """Whoever was roused does not know any more what is due next."""
    backend = IdleBackend(clock, prompt=True, due_in=None)
    backend.roused = True
    claimer = claimer_of(backend, clock, [])
    for _ in range(2):
        await claimer.one_pass()
    assert backend.asked == ["claim", "due_in"] * 2


@pytest.mark.parametrize(
    ("called", "first"), [({"mail"}, ("mail",)), ({"mail", "shop"}, None), ((), None)]
)
async def test_looks_first_where_it_was_called(
    clock: FrozenClock, called: Collection[str], first: Queues
) -> None:
    """At that queue alone, which takes less time; what else is due it asks right afterwards."""
    backend = IdleBackend(clock, prompt=True, due_in=None)
    backend.roused, backend.called = True, called
    claimer = claimer_of(backend, clock, [])
    await claimer.one_pass()
    backend.asked.clear()
    await claimer.one_pass()
    assert backend.looked_at == [None, first]
    assert backend.asked == ["claim", "due_in"]


async def test_a_call_as_the_sleep_ends_counts_as_one(clock: FrozenClock) -> None:
    """The job that it was made for may be due later: when that is has to be asked."""
    backend = IdleBackend(clock, prompt=True, due_in=None)
    backend.called = {"mail"}
    claimer = claimer_of(backend, clock, [])
    for _ in range(2):
        await claimer.one_pass()
    assert backend.asked == ["claim", "due_in"] * 2


@pytest.mark.parametrize(
    ("room", "called", "asked"),
    [
        (2, {"mail"}, ["claim", "due_in"]),
        (1, {"mail"}, ["claim", "claim", "due_in"]),  # there may be more of them
        (2, {"mail", "shop"}, ["claim", "claim", "due_in"]),
    ],
)
async def test_claims_nothing_more_once_the_called_queue_is_empty(
    clock: FrozenClock, room: int, called: Collection[str], asked: list[str]
) -> None:
    """When the next job of any queue is due is asked more cheaply than claimed."""
    backend = IdleBackend(clock, prompt=True, due_in=None)
    backend.roused, backend.called = True, called
    claimer = claimer_of(backend, clock, [], room=room)
    await claimer.one_pass()
    backend.asked.clear()
    backend.there = [SimpleNamespace(job_name="send", crashes=0)]
    while "due_in" not in backend.asked:
        await claimer.one_pass()
    assert backend.asked == asked


async def test_calls_in_quick_succession_share_a_question(clock: FrozenClock) -> None:
    """Each call is answered by a claim; what is due next is asked every 50 ms at most."""
    backend = IdleBackend(clock, prompt=True, due_in=None)
    backend.calls = [0.004 * number for number in range(1, 49)]
    claimer = claimer_of(backend, clock, [], room=2)
    while backend.calls:
        await claimer.one_pass()
    assert backend.asked.count("due_in") == 4
    assert [queues for queues in backend.looked_at if queues] == [("mail",)] * 47


async def test_after_the_last_of_some_calls_it_asks(clock: FrozenClock) -> None:
    """What came with the calls may be due soon: it asks 50 ms after it asked last."""
    backend = IdleBackend(clock, prompt=True, due_in=None)
    backend.calls = [0.004, 100.0]
    claimer = claimer_of(backend, clock, [], room=2)
    for _ in range(3):
        await claimer.one_pass()
    assert backend.waits[1] == pytest.approx(0.046)
    assert backend.asked == ["claim", "due_in"] * 2


async def test_calls_make_no_job_late_that_it_knows_of(clock: FrozenClock) -> None:
    """A job that is due before the next question is claimed when it is due."""
    backend = IdleBackend(clock, prompt=True, due_in=0.01)
    backend.calls = [0.004, 0.008, 100.0]
    claimer = claimer_of(backend, clock, [], room=2)
    for _ in range(5):
        await claimer.one_pass()
    assert backend.waits == pytest.approx([0.01, 0.006, 0.002, 0.01])
    assert backend.asked == ["claim", "due_in", "claim", "claim", "due_in"]


async def test_notes_how_long_claims_take(clock: FrozenClock) -> None:
    """By the clock, from the call to its answer."""
    backend = IdleBackend(clock, prompt=True, due_in=None)
    backend.claim_seconds = 0.25
    took: list[float] = []
    await claimer_of(backend, clock, took).one_pass()
    assert took == [0.25]


def test_reads_ahead_what_is_run_in_the_time_of_a_few_claims() -> None:
    """Of a quick database no more than runs in a moment; never more than there is time for."""
    assert read_ahead(1000, 0.001) == 1000 * READ_AHEAD_SECONDS
    assert read_ahead(1000, 0.04) == 1000 * READ_AHEAD_CLAIMS * 0.04
    assert read_ahead(1000, 10.0) == 250
    assert read_ahead(1_000_000, 10.0) == 2000
    assert read_ahead(0, 10.0) == 0


@pytest.mark.parametrize(
    ("free", "ready", "ahead", "number"),
    [
        (10, 0, 0, 10),
        (0, 0, 0, 0),
        (1, 0, 1000, 1001),
        (0, 500, 1000, 0),
        (0, 499, 1000, 501),
        # However many slots there are, here 1,000: half of what is held for them is used up.
        (0, 249, 500, 251),
        (0, 251, 500, 0),
    ],
)
def test_claims_again_when_half_of_the_read_ahead_is_used(
    free: int, ready: int, ahead: int, number: int
) -> None:
    """At once where a slot is empty; else in few large claims."""
    assert wanted(free, ready, ahead) == number

"""How long an idle worker may sleep."""

from __future__ import annotations

import pytest

from soniq.backends.contract import Backend, Queues
from soniq.outcome import Retry
from tests.support import FrozenClock
from tests.support.store import OOPS, claim, claimed_job, insert, new_job, settle


@pytest.mark.parametrize("queues", [None, ("default",), ("default", "other")], ids=repr)
async def test_nothing_queued(backend: Backend, clock: FrozenClock, queues: Queues) -> None:
    """Without a queued job there is no next moment; a running job is none."""
    assert await backend.jobs.due_in(queues) is None
    await claimed_job(backend, new_job(clock))
    assert await backend.jobs.due_in(queues) is None


@pytest.mark.parametrize("queues", [None, ("default",), ("default", "other")], ids=repr)
async def test_the_earliest_counts(backend: Backend, clock: FrozenClock, queues: Queues) -> None:
    """The answer is the shortest wait over all priorities."""
    await insert(
        backend,
        new_job(clock, priority=1, delay=90),
        new_job(clock, priority=500, delay=30.5),
        new_job(clock, priority=1, delay=60),
    )
    assert await backend.jobs.due_in(queues) == pytest.approx(30.5)
    clock.advance(seconds=30)
    assert await backend.jobs.due_in(queues) == pytest.approx(0.5)


async def test_due_long_ago_is_zero(backend: Backend, clock: FrozenClock) -> None:
    """A job that is overdue is due now, never in negative seconds."""
    await insert(backend, new_job(clock))
    assert await backend.jobs.due_in(None) == 0
    clock.advance(hours=1)
    assert await backend.jobs.due_in(None) == 0
    assert await backend.jobs.due_in(("default",)) == 0


async def test_only_the_served_queues_count(backend: Backend, clock: FrozenClock) -> None:
    """A worker does not wake for queues that it does not serve."""
    await insert(backend, new_job(clock, queue="a", delay=10), new_job(clock, queue="b", delay=20))
    assert await backend.jobs.due_in(("b",)) == pytest.approx(20)
    assert await backend.jobs.due_in(("b", "a")) == pytest.approx(10)
    assert await backend.jobs.due_in(None) == pytest.approx(10)
    assert await backend.jobs.due_in(("c",)) is None
    assert await backend.jobs.due_in(()) is None


async def test_unknown_names_do_not_count(backend: Backend, clock: FrozenClock) -> None:
    """Jobs that would be left alone do not keep the worker awake."""
    await insert(backend, new_job(clock, "gone.x"), new_job(clock, delay=15))
    assert await backend.jobs.due_in(None, unknown=["gone.x"]) == pytest.approx(15)
    assert await backend.jobs.due_in(("default",), unknown={"gone.x"}) == pytest.approx(15)
    assert await backend.jobs.due_in(None, unknown=["gone.x", "mail.send"]) is None


async def test_a_retry_is_waited_for(backend: Backend, clock: FrozenClock) -> None:
    """A job that waits for its next attempt is due when its delay is over."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Retry(42, OOPS))
    assert await backend.jobs.due_in(None) == pytest.approx(42)
    clock.advance(seconds=42)
    assert await claim(backend) != []

"""Processes that are killed beside the commit of a handler's transaction."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from soniq import JobStatus, Soniq
from tests.support.effects import Effects
from tests.support.jobs import job_of, until
from tests.system.conftest import Fleet


async def effects_of(fleet: Fleet, producer: Soniq, url: str, name: str, **arguments: Any) -> int:
    """Run a job whose first process kills itself; return how many effects there are then."""
    await producer.ensure_initialized()
    effects = Effects(url)
    await effects.make()
    job_id = await producer.enqueue(name, args=arguments)
    victim = fleet.start()
    await asyncio.to_thread(victim.wait, 20)
    fleet.start()

    async def is_done() -> bool:
        return (await job_of(producer, job_id)).status is JobStatus.DONE

    await until(is_done)
    return await effects.count()


@pytest.mark.parametrize("dies", ["before the commit", "after the commit"])
async def test_killed_handler_leaves_one_effect(
    fleet: Fleet, producer: Soniq, system_url: str, dies: str
) -> None:
    """Whenever the process dies, what the job writes in its transaction is there once."""
    assert await effects_of(fleet, producer, system_url, "pay.together", dies=dies) == 1


async def test_without_the_transaction_there_are_two(
    fleet: Fleet, producer: Soniq, system_url: str
) -> None:
    """The check can fail: a handler that commits by itself has its effect twice."""
    assert await effects_of(fleet, producer, system_url, "pay.apart") == 2

"""Enqueue what the plan says, and tell in sentences what that was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from soniq.app import Soniq
from soniq.cli.demo.plan import Item, Kind, Plan, of_kind
from soniq.cli.options import counted

AHEAD_SECONDS = 1.5


async def enqueue(app: Soniq, plan: Plan) -> list[str]:
    """Enqueue the jobs of the plan, kind by kind; return what to tell about it."""
    sentences: list[str] = []
    for kind in Kind:
        items = of_kind(plan.to_enqueue, kind)
        if not items:
            continue
        if kind is Kind.UNIQUE:
            repeated = await enqueue_twice(app, items, plan.number)
            sentences.append(
                f"Enqueued {counted(len(items), 'unique job')} twice: "
                f"{repeated} times that was a no-op"
            )
            continue
        ahead = AHEAD_SECONDS if kind is Kind.LATER else None
        arguments = [item.args(plan.number) for item in items]
        await app.enqueue_many(kind.value, arguments, scheduled_at=ahead)
        sentences.append(f"Enqueued {counted(len(items), 'job')} {DESCRIPTIONS[kind]}")
    return sentences


async def enqueue_twice(app: Soniq, items: Sequence[Item], run: int) -> int:
    """Enqueue every item twice and return how many of the calls made no job."""
    ids = await asyncio.gather(
        *(app.enqueue(item.kind.value, args=item.args(run)) for item in items for _ in range(2))
    )
    return len(ids) - len(set(ids))


DESCRIPTIONS = {
    Kind.DOOMED: "that always fails",
    Kind.ENDLESS: "that never ends by itself",
    Kind.FLAKY: "that fail on the first attempt",
    Kind.LATER: f"for {AHEAD_SECONDS:g} s from now",
    Kind.FILE: "with a file each, in one call",
}

"""A job that takes its process along is found out, and those that ran beside it go free."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.checker import dead, violations
from tests.chaos.figures import figure
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.history import History
from tests.chaos.zygote import Order, Zygote

INNOCENTS = 1000
PATIENCE = 60.0


async def restart_until_all_ended(made: Fleet, workers: int) -> None:
    """Start a worker for each that dies, as a supervisor would, until no job waits."""
    deadline = time.monotonic() + PATIENCE
    while await made.tables.waiting() and time.monotonic() < deadline:
        await made.bury()
        while len(made.living) < workers:
            made.start()
        await asyncio.sleep(0.02)


async def take_pills(
    zygote: Zygote, order: Order, how: str, pills: int
) -> tuple[History, list[str]]:
    """Run the innocents, and the pills among them; return what happened, and the pills' ids."""
    poison: list[str] = []
    async with fleet(zygote, replace(order, concurrency=20)) as made:
        for _ in range(pills):
            poison += await made.enqueue("chaos.die", [{"seconds": 0.01, "how": how}])
            await made.enqueue("chaos.work", [{"seconds": 0.02}] * (INNOCENTS // pills))
        await restart_until_all_ended(made, workers=2)
        await made.stop()
        return await made.history(), poison


@pytest.mark.parametrize(("how", "pills"), [("exit", 1), ("segfault", 3)])
async def test_the_pill_alone_is_quarantined(
    how: str, pills: int, store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """Among 1,000 innocents, 20 at a time: three deaths for each pill, and no innocent pays."""
    began = time.monotonic()
    history, poison = await take_pills(zygote, Order(store_url, str(tmp_path)), how, pills)
    letters = dead(history)
    figure(
        f"poison pill ({how}) on {store}",
        pills=pills,
        innocents=INNOCENTS,
        deaths=len(history.kills),
        innocents_dead_lettered=sum(letter.id not in poison for letter in letters),
        seconds=round(time.monotonic() - began, 1),
    )
    assert violations(history) == []
    assert {letter.id: letter.reason for letter in letters} == dict.fromkeys(
        poison, "worker_crashed"
    )
    assert len(history.kills) <= 3 * pills


async def test_without_suspicion_innocents_pay(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """The check sees it: where nobody runs alone, neighbours are buried with the pill."""
    order = Order(store_url, str(tmp_path), sabotage=("suspicion",))
    history, poison = await take_pills(zygote, order, "exit", 1)
    assert {letter.id for letter in dead(history)} > set(poison)

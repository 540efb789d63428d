"""Exactly once: what ``ctx.transaction()`` writes is there once, wherever the process dies."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.plan import Plan
from tests.chaos.scenarios import run
from tests.chaos.zygote import Zygote

KILLS = 200
FEW = 40


async def test_each_transaction_takes_effect_once(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """Workers die before, at and behind the commit: no effect is lost, none is there twice."""
    plan = Plan("charges", store, seed=4711, jobs=0, kills=KILLS, pause=0.02)
    result = await run(plan, zygote, store_url, str(tmp_path))
    assert not result.wrong, result.report()
    assert len(result.history.kills) >= KILLS
    assert result.history.extra(), "no run was cut off: the plan is too mild"


async def test_a_plain_handler_repeats_its_effects(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """The check sees it: an effect that is committed by itself is there again after a crash."""
    plan = Plan("plain-charges", store, seed=4711, jobs=0, kills=FEW, pause=0.02)
    result = await run(plan, zygote, store_url, str(tmp_path))
    assert {line.partition(":")[0] for line in result.wrong} == {"I3"}, result.report()
    twice = sum(number > 1 for number in result.history.committed.values())
    assert twice >= FEW / 2

"""SIGKILL, again and again, at chance moments and at every crash point: nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.checker import dead
from tests.chaos.plan import Plan
from tests.chaos.scenarios import run
from tests.chaos.zygote import Zygote

POSTGRES = Plan("kills", "postgres", seed=4711, jobs=50_000, kills=500)
SQLITE = Plan("kills", "sqlite", seed=4711, jobs=20_000, kills=200)


@pytest.mark.parametrize("plan", [POSTGRES, SQLITE], ids=["postgres", "sqlite"])
async def test_kills_lose_nothing(
    plan: Plan, zygote: Zygote, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Every job ends once, as its last owner says; only jobs that a kill has hit run again."""
    url = url_for(plan, request, tmp_path)
    result = await run(plan, zygote, url, str(tmp_path))
    assert not result.wrong, result.report()
    assert not dead(result.history)
    assert len(result.history.kills) >= plan.kills
    assert result.history.extra(), "no kill has hit a running job: the plan is too mild"


@pytest.mark.parametrize("backend", ["postgres", "sqlite"])
async def test_without_kills_nothing_runs_twice(
    backend: str, zygote: Zygote, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The same run without a kill: each job starts exactly once."""
    plan = replace(SQLITE, backend=backend, kills=0, jobs=5000)
    result = await run(plan, zygote, url_for(plan, request, tmp_path), str(tmp_path))
    assert not result.wrong, result.report()
    assert result.history.extra() == 0


@pytest.mark.parametrize("backend", ["postgres", "sqlite"])
async def test_without_rescue_jobs_are_lost(
    backend: str, zygote: Zygote, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The check sees it: where nobody takes back the jobs of the dead, they are lost."""
    few = replace(SQLITE, backend=backend, kills=5, jobs=500, patience=4)
    plan = replace(few, sabotage=("rescue",))
    result = await run(plan, zygote, url_for(plan, request, tmp_path), str(tmp_path))
    assert {line.partition(":")[0] for line in result.wrong} >= {"I1", "I7"}, result.report()


def url_for(plan: Plan, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of an empty database for a plan."""
    if plan.backend == "sqlite":
        return f"sqlite:///{folder}/jobs.db"
    url: str = request.getfixturevalue("postgres_url")
    return url

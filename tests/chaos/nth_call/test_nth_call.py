from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from soniq.backends.contract import Backend
from soniq.backends.postgres.claims import Claims
from soniq.clock import Clock, SystemClock
from soniq.worker import worker as crew
from tests.chaos.figures import figure
from tests.chaos.nth_call import playing
from tests.chaos.nth_call.faults import Kind
from tests.chaos.nth_call.playing import Stage
from tests.chaos.nth_call.scenarios import SCENARIOS
from tests.conftest import MakeApp
from tests.support.jobs import until

# Dozens of workers in one test: more than a minute where other work is done beside.
pytestmark = pytest.mark.timeout(300)
MOST_CALLS = 80
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask more often who was cancelled than a worker does in earnest."""
    monkeypatch.setattr(crew, "REVOKE_SECONDS", 0.05)


@pytest.fixture
async def stage(
    request: pytest.FixtureRequest,
    make_app: MakeApp,
    make_backend: Callable[[Clock], Backend],
    backend_kind: str,
) -> AsyncIterator[Stage]:
    """A database, and an onlooker whose calls never go wrong."""
    onlooker = make_backend(SystemClock())
    await onlooker.open()
    yield Stage(make_app, onlooker)
    await onlooker.close()
    if backend_kind == "postgres":
        await nobody_is_connected(request.getfixturevalue("postgres_url"))


async def nobody_is_connected(url: str) -> None:
    """Fail where a closed app has left connections behind."""
    connection = await asyncpg.connect(url)

    async def alone() -> bool:
        return await connection.fetchval(OTHERS) == 0

    try:
        await until(alone)
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_one_call_that_goes_wrong(
    stage: Stage, backend_kind: str, name: str, kind: Kind
) -> None:
    """Whichever call it is and however: no job is lost, stuck, or run once too often."""
    began = time.monotonic()
    for number in range(1, MOST_CALLS + 1):
        faults, wrong = await stage.play(SCENARIOS[name], kind, number)
        place = f"{name}: call {number} ({faults.met}) was {kind}"
        assert not wrong, f"{place}:\n" + "\n".join(wrong)
        if faults.met is None:
            break
    else:
        pytest.fail(f"{name} has more than {MOST_CALLS} calls")
    figure(
        "nth call",
        backend=backend_kind,
        name=name,
        kind=kind,
        calls=number - 1,
        seconds=round(time.monotonic() - began, 1),
    )


@pytest.mark.parametrize("backend_kind", ["postgres"])
async def test_a_claim_whose_answer_is_lost_needs_its_cure(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the giving back of strays a lost claim is noticed: the check can fail."""

    async def keep(claims: Claims, worker: str, now: object) -> None:
        """Give nothing back."""

    monkeypatch.setattr(Claims, "_give_back_strays", keep)
    monkeypatch.setattr(playing, "PATIENCE", 2.0)
    found: list[str] = []
    # Which of the first calls is the claim differs from play to play.
    for number in [*range(1, 13)] * 5:
        faults, wrong = await stage.play(SCENARIOS["success"], Kind.LOST, number)
        if faults.met is not None and "claim" in faults.met:
            found += wrong
        if any("has left" in one for one in found):
            break
    assert any("has left" in one for one in found), found

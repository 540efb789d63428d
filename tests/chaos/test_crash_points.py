"""A crash at each of the named places: what it leaves behind is put right by the next worker."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

import soniq
from soniq.crashpoints import NAMES
from tests.chaos.checker import violations
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.zygote import Order, Zygote

SOURCE = Path(soniq.__file__).parent
PATIENCE = 20.0
# Places that are not on the way of a job; tests of their own crash there.
ELSEWHERE = {"migrate.between": "tests/chaos/test_migrations.py"}


def test_the_names_are_those_of_the_source() -> None:
    """Every name stands at some place of the source, and no place has another name."""
    text = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path.stem != "crashpoints")
    calls = re.findall(r"crashpoints\.passed\((.*?)\)", text, re.DOTALL)
    found = {name for call in calls for name in re.findall(r'"([a-z_]+\.[a-z_]+)"', call)}
    assert found == set(NAMES)


@pytest.mark.parametrize("point", sorted(ELSEWHERE))
def test_other_places_have_tests_of_their_own(point: str) -> None:
    """What is left out here is crashed elsewhere."""
    assert point in Path(ELSEWHERE[point]).read_text()


@pytest.mark.parametrize("point", [name for name in NAMES if name not in ELSEWHERE])
async def test_a_crash_is_healed(
    point: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """The process ends there, and another one brings every job to its end."""
    async with fleet(zygote, Order(store_url, str(tmp_path))) as made:
        await made.enqueue("chaos.charge", [{}] * 5)
        await made.enqueue("chaos.work", [{"seconds": 0.01}] * 30)
        await made.enqueue("chaos.fail", [{}] * 3)
        if point == "rescue.between_rows":
            await leave_orphans(made)
        victim = made.start(crash=f"{point}:2" if "rescue" in point else point)
        assert zygote.wait(victim) == -signal.SIGKILL
        await made.bury()
        made.start()
        assert await made.until_all_ended(PATIENCE)
        assert await made.stop() == [0]
        history = await made.history()
    assert violations(history) == []
    assert len([row for row in history.rows if row.reason == "max_retries_exceeded"]) == 3


async def leave_orphans(made: Fleet) -> None:
    """Let a worker die over jobs that others have to rescue."""
    orphaner = made.start(crash="handler.after:5")
    assert made.zygote.wait(orphaner) == -signal.SIGKILL
    await made.bury()

from __future__ import annotations

import time
from pathlib import Path

import pytest

from soniq.backends import sqltext
from tests.chaos.figures import figure
from tests.chaos.interleaving.postgres import stage
from tests.chaos.interleaving.serial import case_of, cases
from tests.chaos.interleaving.verbs import STATES

# Hundreds of schedules in one test: more than a minute where other work is done beside.
pytestmark = pytest.mark.timeout(300)

STATUS = "    AND job.status || '' = 'processing'\n"
# A claim finds a row by its place, which alone would keep others out.
LOCK = {"FOR UPDATE SKIP LOCKED": "", "job.ctid": "job.id"}
# What was added up must be gone.
GONE = {"DELETE FROM soniq_tallies": "UPDATE soniq_tallies SET count = count"}
# A statement, the guard that is taken out of it, and where that must be noticed.
UNGUARDED = {
    "fence of a completion": (
        "jobs/complete", "    AND job.fence = claim.fence\n", "waiting", ("claim", "complete"),
    ),
    "status of a completion": (
        "jobs/complete", STATUS, "running", ("complete", "confirm cancel"),
    ),
    "status at a rescue": ("jobs/rescue", STATUS, "orphaned", ("complete", "rescue")),
    "status at a burial": ("jobs/bury_crashed", STATUS, "last crash", ("complete", "rescue")),
    "wish at a burial": (
        "jobs/bury_crashed", "        AND NOT job.cancel_requested\n", "last crash",
        ("rescue", "cancel"),
    ),
    "lock of a claim": (
        "jobs/claim_across", LOCK, "waiting", ("claim", "claim across"),
    ),
    "status of a cancellation": (
        "jobs/cancel", " AND status || '' IN ('queued', 'processing')", "running",
        ("complete", "cancel"),
    ),
    "lock of a deletion": ("jobs/delete", " FOR UPDATE", "waiting", ("claim", "delete")),
    "end of a tally": ("stats/roll_up", GONE, "done", ("roll up", "roll up")),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
async def test_every_order_of_steps_is_as_good_as_one_after_the_other(
    postgres_url: str, state: str
) -> None:
    """Whatever two do to a job at once, it ends as if one had done so after the other."""
    began = time.monotonic()
    played, wrong = 0, []
    found = await cases(state)
    async with stage(postgres_url, state) as ready:
        for case in found:
            number, complaints = await ready.schedules(case)
            played += number
            wrong += complaints
    figure(
        "interleaving",
        backend="postgres",
        state=state,
        pairs=len(found),
        schedules=played,
        seconds=round(time.monotonic() - began, 1),
    )
    assert not wrong, f"{len(wrong)} unlawful ends:\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize("guard", UNGUARDED)
async def test_a_missing_guard_is_noticed(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    """Without what keeps two apart some order of their steps is unlawful: the check can fail."""
    statement, guards, state, verbs = UNGUARDED[guard]
    taken_out = guards if isinstance(guards, dict) else {guards: ""}
    read = sqltext.read

    def unguarded(folder: Path, verb: str) -> str:
        whole = read(folder, verb)
        if verb != statement:
            return whole
        for text, rest in taken_out.items():
            assert text in whole
            whole = whole.replace(text, rest)
        return whole

    case = await case_of(state, verbs)
    assert case is not None
    async with stage(postgres_url, state) as ready:
        _, complaints = await ready.schedules(case)
        assert complaints == []
        monkeypatch.setattr(sqltext, "read", unguarded)
        _, complaints = await ready.schedules(case)
    assert complaints

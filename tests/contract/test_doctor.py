"""The doctor in real trouble: each state is seeded, seen as red, put right, and seen as green."""

from __future__ import annotations

import pytest

from soniq import Soniq
from soniq.errors import InvalidOption
from tests.support import FrozenClock
from tests.support.store import OTHER, WORKER, insert, new_job, register


async def severity(app: Soniq, check_id: str) -> str:
    """Return what one check says."""
    [finding] = await app.check([check_id])
    return finding.severity


async def test_queues_and_workers(app: Soniq, clock: FrozenClock) -> None:
    """Nobody at work, a queue that nobody serves, a task that nobody knows, a pause for long."""
    await app.ensure_initialized()
    backend = app.backend
    await insert(backend, new_job(clock, queue="mail"), new_job(clock, "new.task", queue="shop"))
    clock.advance(seconds=20)
    assert await severity(app, "no-worker") == "error"
    assert await severity(app, "unserved-queue") == "skipped"

    await register(backend, WORKER, queues=("shop",), lease=86_400)
    assert await severity(app, "no-worker") == "ok"
    [finding] = await app.check(["unserved-queue"])
    assert finding.severity == "error"
    assert "mail (due for 20 s)" in finding.evidence
    [finding] = await app.check(["unknown-task"])
    assert finding.severity == "warning"
    assert "new.task" in finding.evidence

    await register(backend, OTHER, tasks=("mail.send", "new.task"), lease=86_400)
    assert await severity(app, "unserved-queue") == "ok"
    assert await severity(app, "unknown-task") == "ok"

    await app.queues.pause("mail", by="cli:ana@laptop", reason="deploy")
    assert await severity(app, "paused-queue") == "ok"
    clock.advance(hours=2)
    [finding] = await app.check(["paused-queue"])
    assert finding.severity == "warning"
    assert "cli:ana@laptop (deploy)" in finding.evidence
    assert await severity(app, "oldest-due") == "error"  # shop's, not that of the paused one
    await app.queues.resume("mail")
    assert await severity(app, "paused-queue") == "ok"


async def test_every_check_runs(app: Soniq) -> None:
    """On an empty database each check that makes sense there says something."""
    findings = await app.check()
    assert len(findings) >= 15
    assert all(finding.evidence for finding in findings)
    assert len({finding.id for finding in findings}) == len(findings)


async def test_an_unknown_check_is_refused(app: Soniq) -> None:
    """With the nearest one that there is."""
    with pytest.raises(InvalidOption, match="Did you mean 'no-worker'"):
        await app.check(["no-workers"])

"""A worker process, as its supervisor sees it."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from soniq.cli.supervisor.child import Child
from soniq.worker.shutdown import Step


async def test_a_signal_that_comes_too_late_leaves_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asks the system how a process ended takes the answer away from all others."""
    may_ask, ask = threading.Event(), os.waitpid

    def ask_late(pid: int, options: int) -> tuple[int, int]:
        may_ask.wait(20)
        return ask(pid, options)

    monkeypatch.setattr(os, "waitpid", ask_late)  # the event loop's own question
    child = await Child.start(lambda _: [sys.executable, "-c", "raise SystemExit(7)"], lambda: None)
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - no turn of the loop
        child.ask(Step.ABANDON)
    finally:
        may_ask.set()
    assert (await child.wait()).code == 7

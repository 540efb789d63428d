"""One run of a claimed job in this worker's hands: where it runs, and what is known of its end."""

from __future__ import annotations

from dataclasses import dataclass

from soniq.job import ClaimedJob
from soniq.options import ExecutorName
from soniq.outcome import Cancelled, Interrupted
from soniq.worker.runners import Encoded


@dataclass(slots=True)
class Attempt:
    """A job in this worker's hands.

    ``stopped``: how it ends because its task was cancelled from outside. ``executor``: where its
    handler runs. ``encoded``: what came of it, where that was encoded there. ``completed``: the
    handler's transaction has made the job DONE already; all that is still to come is a result.
    """

    job: ClaimedJob
    stopped: Interrupted | Cancelled | None = None
    executor: ExecutorName = "async"
    encoded: Encoded | None = None
    completed: bool = False

    @property
    def unstoppable(self) -> bool:
        """Whether its handler runs in a thread, where nothing can stop it."""
        return self.executor == "thread"

"""Whether a process is healthy, and whether it is ready: what is wrong, in words."""

from __future__ import annotations

from soniq.observability.watch import PATIENCE_SECONDS, Watch


def ailments(watch: Watch) -> list[str]:
    """Return what only a restart of this process cures, asked from another thread.

    One job that blocks the event loop is enough: let a probe fail several times in a row.
    """
    found: list[str] = []
    if not watch.turns():
        found.append(f"the event loop has not turned for {PATIENCE_SECONDS:g} s")
    loops = [name for worker in watch.workers for name in worker.broken]
    return [*found, *(f"the loop {name!r} has ended" for name in loops)]


def obstacles(watch: Watch, *, awaits_worker: bool) -> list[str]:
    """Return why this process can't do its work yet, or no more, asked from another thread.

    ``awaits_worker``: a worker must have started in it, and must not have ended.
    """
    found = ["no worker has registered"] if awaits_worker and not watch.workers else []
    refreshed = watch.ask(lambda: watch.database.refresh(PATIENCE_SECONDS))
    problem = watch.database.value
    if not refreshed or problem is None:
        found.append(f"the database has not answered for {PATIENCE_SECONDS:g} s")
    elif problem:
        found.append(problem)
    return found

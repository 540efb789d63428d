"""Why a job is not running: decided, and said, from what is known of it. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from soniq.durations import roughly
from soniq.history import PastAttempt
from soniq.job import DeadLetter, Job, JobStatus, Row, Worker
from soniq.standing import Ahead, Pause

# In the order in which they are tried.
CODES = (
    "running",
    "done",
    "cancelled",
    "dead",
    "scheduled",
    "retry_waits",
    "paused",
    "unserved",
    "unknown_task",
    "waiting",
)
LONGEST_ERROR = 200
# What the wishes of operators ask of a worker.
ASKED = {"quiet": "be quiet", "stop": "stop"}


@dataclass(frozen=True, slots=True, eq=False)
class Why(Row):
    """Why a job is not running, or that it is, with the proof.

    ``code``: ``running``, ``done``, ``cancelled``, ``dead``, ``scheduled`` (for later, or put off
    by its handler), ``retry_waits``, ``paused`` (its queue), ``unserved`` (no living worker claims
    from its queue), ``unknown_task`` (none of those that do knows its task) or ``waiting`` (for
    its turn): the first that holds, in this order. ``sentence`` says it with the facts in it;
    ``facts`` holds them as JSON values, times in ISO format, durations in seconds.
    """

    job_id: str
    code: str
    sentence: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a job at a moment, as far as it bears on the question.

    ``attempts`` did not end well; ``ahead``: what comes before it, if it is due; ``ended``:
    attempts of its queue that came to an end within the last ``seconds``.
    """

    now: datetime
    job: Job | DeadLetter
    attempts: list[PastAttempt] = field(default_factory=list[PastAttempt])
    pause: Pause | None = None
    workers: list[Worker] = field(default_factory=list[Worker])
    ahead: Ahead | None = None
    ended: int = 0
    seconds: float = 0.0

    @property
    def serving(self) -> list[Worker]:
        """The living workers that are there for the job's queue, also those that claim no more."""
        queue = self.job.queue
        return [one for one in self.workers if one.alive and is_served(queue, one)]

    @property
    def claiming(self) -> list[Worker]:
        """Those that claim from the job's queue."""
        return [one for one in self.serving if one.wish is None]

    @property
    def able(self) -> list[Worker]:
        """Those that know its task, too."""
        return [one for one in self.claiming if self.job.job_name in one.tasks]


def decide(evidence: Evidence) -> Why:
    """Return the first reason that holds."""
    for reason in REASONS:
        found = reason(evidence)
        if found is not None:
            return found
    return waiting(evidence)


def why(evidence: Evidence, code: str, sentence: str, **facts: Any) -> Why:
    """Return the answer; what every answer names comes first."""
    job = evidence.job
    common = {"job_name": job.job_name, "queue": job.queue, "at": evidence.now}
    return Why(job.id, code, sentence, {key: plain(one) for key, one in (common | facts).items()})


# --- the reasons, in their order ------------------------------------------------------------------


def ended(evidence: Evidence) -> Why | None:
    """Tell of one that is done, cancelled or dead."""
    job = evidence.job
    if isinstance(job, DeadLetter):
        sentence = (
            f"It went to the dead letters at {utc(job.finished_at)}, for {job.reason}"
            f"{said(job.last_error)}. It runs again only when it is replayed."
        )
        facts = {"reason": job.reason, "error": job.last_error, "replays": job.resurrection_count}
        return why(evidence, "dead", sentence, **ends(job), **facts)
    if job.finished_at is None:
        return None
    if job.status is JobStatus.DONE:
        sentence = f"It is done: attempt {job.attempts} ended well at {utc(job.finished_at)}."
        return why(evidence, "done", sentence, **ends(job))
    sentence = f"It was cancelled at {utc(job.finished_at)}."
    return why(evidence, "cancelled", sentence, **ends(job))


def running(evidence: Evidence) -> Why | None:
    """Tell of a job that runs, or whose worker is gone."""
    job = evidence.job
    if isinstance(job, DeadLetter) or job.status is not JobStatus.PROCESSING:
        return None
    since = job.started_at or evidence.now
    seconds = age(since, evidence.now)
    worker = next((one for one in evidence.workers if one.id == job.worker_id), None)
    where = f" ({worker.hostname}, process {worker.pid})" if worker else ""
    sentence = (
        f"It has been running since {utc(since)}, for {roughly(seconds)}, on worker "
        f"{job.worker_id}{where}: attempt {job.attempts} of {job.max_attempts}."
    )
    alive = worker is not None and worker.alive
    if not alive:
        sentence += " That worker is gone, so another one will take the job back."
    return why(
        evidence,
        "running",
        sentence,
        since=since,
        seconds=seconds,
        worker_id=job.worker_id,
        hostname=worker.hostname if worker else None,
        pid=worker.pid if worker else None,
        worker_alive=alive,
        attempt=job.attempts,
        max_attempts=job.max_attempts,
    )


def later(evidence: Evidence) -> Why | None:
    """Tell of one that is not due yet: scheduled, put off by its handler, or to be retried."""
    job = evidence.job
    if isinstance(job, DeadLetter) or job.scheduled_at <= evidence.now:
        return None
    last = evidence.attempts[-1] if evidence.attempts else None
    seconds = age(evidence.now, job.scheduled_at)
    due = f"{utc(job.scheduled_at)}, in {roughly(seconds)}"
    facts: dict[str, Any] = {"until": job.scheduled_at, "seconds": seconds}
    if last is not None and last.outcome == "snooze":
        sentence = f"Its handler has put it off until {due}."
        return why(evidence, "scheduled", sentence, **facts, snoozed_at=last.finished_at)
    if not job.attempts:
        return why(evidence, "scheduled", f"It is scheduled for {due}.", **facts)
    sentence = (
        f"Attempt {job.attempts} of {job.max_attempts} failed{said(job.last_error)}. The next one "
        f"is due at {due}."
    )
    facts |= {"attempts": job.attempts, "max_attempts": job.max_attempts, "error": job.last_error}
    return why(evidence, "retry_waits", sentence, **facts)


def paused(evidence: Evidence) -> Why | None:
    """Tell of a queue that somebody holds back."""
    pause = evidence.pause
    if pause is None:
        return None
    because = f": {pause.reason}" if pause.reason else ""
    sentence = (
        f"Queue {pause.queue} was paused at {utc(pause.paused_at)} by {pause.paused_by}{because}."
    )
    facts = {"since": pause.paused_at, "by": pause.paused_by, "reason": pause.reason}
    return why(evidence, "paused", sentence, **facts)


def unserved(evidence: Evidence) -> Why | None:
    """Tell of a queue that no living worker claims from."""
    if evidence.claiming:
        return None
    queue = evidence.job.queue
    alive = [one for one in evidence.workers if one.alive]
    told = {one.id: one.wish for one in evidence.serving}
    if not alive:
        sentence = f"No worker is alive, so nobody claims from queue {queue}."
    elif not told:
        sentence = f"Of the living workers ({len(alive)}) none serves queue {queue}."
    else:
        wishes = " or ".join(sorted({f"to {ASKED[wish]}" for wish in told.values() if wish}))
        sentence = (
            f"The living workers that serve queue {queue} ({len(told)}) claim no more: they were "
            f"told {wishes}."
        )
    served = sorted({queue for one in alive for queue in one.queues or ()})
    return why(evidence, "unserved", sentence, alive=len(alive), served=served, told=told)


def unknown_task(evidence: Evidence) -> Why | None:
    """Tell of a task that none of the workers that claim from its queue knows."""
    if evidence.able:
        return None
    number = len(evidence.claiming)
    sentence = (
        f"No living worker that claims from queue {evidence.job.queue} ({number}) knows the task "
        f"{evidence.job.job_name}: does one run the code that defines it?"
    )
    tasks = sorted({task for one in evidence.claiming for task in one.tasks})
    return why(evidence, "unknown_task", sentence, workers=number, known=tasks)


def waiting(evidence: Evidence) -> Why:
    """Tell of one that waits for its turn."""
    ahead = evidence.ahead or Ahead(0, exact=True)
    slots = sum(one.concurrency for one in evidence.able)
    busy = sum(min(one.running, one.concurrency) for one in evidence.able)
    rate = evidence.ended / evidence.seconds if evidence.seconds else 0.0
    free = slots > busy
    eta = ahead.count / rate if rate else None if ahead.count or not free else 0.0
    queue = evidence.job.queue
    if ahead.count:
        least = "" if ahead.exact else "at least "
        come = "job comes" if ahead.count == 1 else "jobs come"
        sentence = f"It is due, and {least}{ahead.count:,} {come} before it in queue {queue}. "
        sentence += pace(evidence, rate, eta)
    else:
        sentence = f"It is due and comes next in queue {queue}. {turn(slots, busy)}"
    return why(
        evidence,
        "waiting",
        sentence,
        ahead=ahead.count,
        exact=ahead.exact,
        rate=round(rate, 3),
        window_seconds=evidence.seconds,
        eta_seconds=None if eta is None else round(eta, 1),
        workers=len(evidence.able),
        slots=slots,
        busy=busy,
    )


REASONS: tuple[Callable[[Evidence], Why | None], ...] = (
    running,
    ended,
    later,
    paused,
    unserved,
    unknown_task,
)


# --- in words -------------------------------------------------------------------------------------


def pace(evidence: Evidence, rate: float, eta: float | None) -> str:
    """Return how fast the queue goes and when the turn of the job comes."""
    within = f"in the last {roughly(evidence.seconds)}"
    if eta is None:
        return f"No attempt has ended there {within}."
    about = "about" if evidence.ahead is None or evidence.ahead.exact else "no sooner than"
    each = f"{rate:,.3g} a second" if rate >= 1 else f"one in {roughly(1 / rate)}"
    when = f"its turn comes in {about} {roughly(eta)}"
    return f"Attempts have ended there at {each} {within}, so {when}."


def turn(slots: int, busy: int) -> str:
    """Return what the first job of a queue still waits for."""
    if busy >= slots:
        return (
            f"All {slots} slots of the workers that can run it are busy: it starts when one ends."
        )
    return "A worker has room for it and should claim it at any moment."


def said(error: str | None) -> str:
    """Return the first line of an error, after a colon; nothing where there is none."""
    if not error:
        return ""
    line = error.strip().split("\n", 1)[0]
    return f": {line if len(line) <= LONGEST_ERROR else line[:LONGEST_ERROR] + '…'}"


def ends(job: Job | DeadLetter) -> dict[str, Any]:
    """Return the facts of a job that has ended."""
    return {
        "finished_at": job.finished_at,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "worker_id": job.worker_id,
    }


def is_served(queue: str, worker: Worker) -> bool:
    """Tell whether a worker is there for a queue."""
    return worker.queues is None or queue in worker.queues


def age(since: datetime, now: datetime) -> float:
    """Return the seconds between two moments, to the millisecond; none are below 0."""
    return round(max((now - since).total_seconds(), 0.0), 3)


def utc(moment: datetime) -> str:
    """Return a moment as a sentence has it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else value

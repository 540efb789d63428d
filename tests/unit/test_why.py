"""Why a job is not running: the first reason that holds, in words and facts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from soniq.durations import roughly
from soniq.history import PastAttempt
from soniq.job import DeadLetter, Job, JobStatus, Worker
from soniq.standing import Ahead, Pause
from soniq.why import CODES, Evidence, Why, decide

NOW = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
JOB = Job(
    id="j",
    job_name="mail.send",
    queue="mail",
    priority=100,
    status=JobStatus.QUEUED,
    args={},
    attempts=0,
    max_attempts=4,
    scheduled_at=NOW - timedelta(seconds=10),
    created_at=NOW - timedelta(seconds=10),
)
RUNS = replace(
    JOB,
    status=JobStatus.PROCESSING,
    attempts=2,
    started_at=NOW - timedelta(seconds=95),
    worker_id="w",
)
LETTER = DeadLetter(
    id="j",
    job_name="mail.send",
    queue="mail",
    priority=100,
    args={},
    attempts=4,
    max_attempts=4,
    reason="max_retries_exceeded",
    scheduled_at=NOW,
    created_at=NOW,
    started_at=NOW,
    finished_at=NOW,
    worker_id="w",
    last_error="ValueError: no\nsecond line",
    last_traceback=None,
)
WORKER = Worker(
    id="w",
    hostname="host-1",
    pid=4711,
    queues=None,
    concurrency=10,
    tasks=("mail.send", "shop.pay"),
    started_at=NOW,
    renewed_at=NOW,
    expires_at=NOW + timedelta(seconds=30),
    alive=True,
)
PAUSE = Pause("mail", NOW - timedelta(hours=1), "cli:ana@host-1", "provider down")
DUE = Evidence(NOW, JOB, workers=[WORKER], ahead=Ahead(0, exact=True), seconds=300.0)


def later(**changes: Any) -> Evidence:
    """Return what is known of a job that is due in an hour."""
    return Evidence(NOW, replace(JOB, scheduled_at=NOW + timedelta(hours=1), **changes))


def attempt(outcome: str) -> PastAttempt:
    """Return an attempt that ended so."""
    return PastAttempt(1, "w", outcome, NOW, NOW)


CASES: dict[str, tuple[Evidence, str, str]] = {
    "running": (
        Evidence(NOW, RUNS, workers=[WORKER]),
        "running",
        (
            "It has been running since 2026-01-01 08:58:25 UTC, for 1m 35s, on worker w (host-1, "
            "process 4711): attempt 2 of 4."
        ),
    ),
    "orphaned": (
        Evidence(NOW, RUNS),
        "running",
        (
            "It has been running since 2026-01-01 08:58:25 UTC, for 1m 35s, on worker w: attempt 2 "
            "of 4. That worker is gone, so another one will take the job back."
        ),
    ),
    "done": (
        Evidence(NOW, replace(RUNS, status=JobStatus.DONE, finished_at=NOW)),
        "done",
        "It is done: attempt 2 ended well at 2026-01-01 09:00:00 UTC.",
    ),
    "cancelled": (
        Evidence(NOW, replace(JOB, status=JobStatus.CANCELLED, finished_at=NOW)),
        "cancelled",
        "It was cancelled at 2026-01-01 09:00:00 UTC.",
    ),
    "dead": (
        Evidence(NOW, LETTER),
        "dead",
        (
            "It went to the dead letters at 2026-01-01 09:00:00 UTC, for max_retries_exceeded: "
            "ValueError: no. It runs again only when it is replayed."
        ),
    ),
    "scheduled": (
        later(),
        "scheduled",
        "It is scheduled for 2026-01-01 10:00:00 UTC, in 1h.",
    ),
    "snoozed": (
        replace(later(attempts=1), attempts=[attempt("retry"), attempt("snooze")]),
        "scheduled",
        "Its handler has put it off until 2026-01-01 10:00:00 UTC, in 1h.",
    ),
    "retry": (
        replace(later(attempts=1, last_error="E: x"), attempts=[attempt("retry")]),
        "retry_waits",
        "Attempt 1 of 4 failed: E: x. The next one is due at 2026-01-01 10:00:00 UTC, in 1h.",
    ),
    "paused": (
        replace(DUE, pause=PAUSE),
        "paused",
        "Queue mail was paused at 2026-01-01 08:00:00 UTC by cli:ana@host-1: provider down.",
    ),
    "paused without a word": (
        replace(DUE, pause=replace(PAUSE, reason="")),
        "paused",
        "Queue mail was paused at 2026-01-01 08:00:00 UTC by cli:ana@host-1.",
    ),
    "nobody": (
        replace(DUE, workers=[replace(WORKER, alive=False)]),
        "unserved",
        "No worker is alive, so nobody claims from queue mail.",
    ),
    "others": (
        replace(DUE, workers=[replace(WORKER, queues=("a", "b"))]),
        "unserved",
        "Of the living workers (1) none serves queue mail.",
    ),
    "quiet": (
        replace(DUE, workers=[replace(WORKER, wish="quiet"), replace(WORKER, id="v", wish="stop")]),
        "unserved",
        (
            "The living workers that serve queue mail (2) claim no more: they were told to be "
            "quiet or to stop."
        ),
    ),
    "unknown task": (
        replace(
            DUE,
            workers=[
                replace(WORKER, tasks=("shop.pay",)),
                replace(WORKER, id="v", queues=("shop",)),
                replace(WORKER, id="u", wish="quiet"),
            ],
        ),
        "unknown_task",
        (
            "No living worker that claims from queue mail (1) knows the task mail.send: does one "
            "run the code that defines it?"
        ),
    ),
    "next": (
        DUE,
        "waiting",
        (
            "It is due and comes next in queue mail. A worker has room for it and should claim it "
            "at any moment."
        ),
    ),
    "busy": (
        replace(DUE, workers=[replace(WORKER, running=10)]),
        "waiting",
        (
            "It is due and comes next in queue mail. All 10 slots of the workers that can run it "
            "are busy: it starts when one ends."
        ),
    ),
    "in line": (
        replace(DUE, ahead=Ahead(1200, exact=True), ended=750),
        "waiting",
        (
            "It is due, and 1,200 jobs come before it in queue mail. Attempts have ended there at "
            "2.5 a second in the last 5m, so its turn comes in about 8m."
        ),
    ),
    "far behind": (
        replace(DUE, ahead=Ahead(10_000, exact=False), ended=5),
        "waiting",
        (
            "It is due, and at least 10,000 jobs come before it in queue mail. Attempts have ended "
            "there at one in 1m in the last 5m, so its turn comes in no sooner than 6d 22h."
        ),
    ),
    "behind, and nothing moves": (
        replace(DUE, ahead=Ahead(1, exact=True)),
        "waiting",
        (
            "It is due, and 1 job comes before it in queue mail. No attempt has ended there in the "
            "last 5m."
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_reason_in_words(name: str) -> None:
    """Each has its code, one sentence or two, and facts that JSON can hold."""
    evidence, code, sentence = CASES[name]
    found = decide(evidence)
    assert (found.job_id, found.code, found.sentence) == ("j", code, sentence)
    assert json.loads(json.dumps(found.facts)) == found.facts
    assert found.facts["queue"] == "mail"


def test_every_reason_has_a_case() -> None:
    """No code is told that the page does not know."""
    assert {code for _, code, _ in CASES.values()} == set(CODES)


def fact(name: str) -> dict[str, Any]:
    """Return the facts of a case."""
    return decide(CASES[name][0]).facts


def test_facts() -> None:
    """The facts are what the sentence says, and more."""
    assert fact("in line")["eta_seconds"] == 480.0
    assert fact("in line")["rate"] == 2.5
    assert (fact("next")["eta_seconds"], fact("busy")["eta_seconds"]) == (0.0, None)
    assert fact("far behind")["exact"] is False
    assert fact("behind, and nothing moves")["eta_seconds"] is None
    assert fact("busy")["busy"] == fact("busy")["slots"] == 10
    assert fact("running")["seconds"] == 95.0
    assert fact("running")["worker_alive"] is True
    assert fact("orphaned")["worker_alive"] is False
    assert fact("retry")["until"] == "2026-01-01T10:00:00+00:00"
    assert fact("quiet")["told"] == {"w": "quiet", "v": "stop"}
    assert fact("others")["served"] == ["a", "b"]
    assert fact("unknown task")["known"] == ["shop.pay"]
    assert fact("dead")["error"] == LETTER.last_error
    assert fact("paused")["by"] == "cli:ana@host-1"


def test_the_first_reason_wins() -> None:
    """A job that is scheduled, in a paused queue that nobody serves, is scheduled above all."""
    worst = replace(later(), pause=PAUSE, workers=[])
    cases = (
        replace(worst, job=replace(RUNS, scheduled_at=NOW + timedelta(hours=1))),
        worst,
        replace(worst, job=JOB),
        replace(worst, job=JOB, pause=None),
    )
    assert [decide(evidence).code for evidence in cases] == [
        "running",
        "scheduled",
        "paused",
        "unserved",
    ]


def test_long_errors_are_cut() -> None:
    """A sentence stays one."""
    error = "x" * 1000
    sentence = decide(later(attempts=1, last_error=error)).sentence
    assert "x" * 200 + "…" in sentence
    assert len(sentence) < 400


def test_an_answer_is_a_row() -> None:
    """It reads as a dict, too."""
    found: Why = decide(DUE)
    assert list(found) == ["job_id", "code", "sentence", "facts"]
    assert dict(found)["code"] == "waiting"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0s"), (0, "0s"), (0.04, "0s"), (0.45, "0.5s"), (9.96, "10s"), (10.4, "10s"),
        (59.6, "1m"), (60, "1m"), (61, "1m 1s"), (3600, "1h"), (3661, "1h 1m"),
        (86_400, "1d"), (90_061, "1d 1h"), (86_460, "1d"),
    ],
)  # fmt: skip
def test_durations_as_one_says_them(seconds: float, said: str) -> None:
    """Two units at most."""
    assert roughly(seconds) == said

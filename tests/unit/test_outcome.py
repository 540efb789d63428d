from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from soniq.errors import InvalidOption, PermanentFailure
from soniq.job import ClaimedJob
from soniq.outcome import (
    Bury,
    Complete,
    Crash,
    Crashed,
    Ending,
    Failure,
    Interrupted,
    Misfit,
    Outcome,
    Raised,
    Reason,
    Release,
    Retry,
    Returned,
    Settlement,
    Snooze,
    Stranger,
    TimedOut,
    decide,
    is_guilty,
    is_suspect,
    storable,
)
from soniq.retry import LONGEST_DELAY, RetryPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAILURE = Failure("ValueError: no", "Traceback …")
POLICY = RetryPolicy((5,))


def claimed(attempt: int, max_attempts: int) -> ClaimedJob:
    """Return a claim that is at some point of its budget."""
    return ClaimedJob("id", "a.b", "default", "{}", attempt, max_attempts, 1, NOW, NOW)


RETRY = Retry(5, FAILURE)
SPENT = Bury(Reason.MAX_RETRIES_EXCEEDED, FAILURE)
LATE = Bury(Reason.TIMEOUT, FAILURE)
HOPELESS = Bury(Reason.PERMANENT_FAILURE, FAILURE)
MISFIT = Bury(Reason.INVALID_ARGUMENTS, FAILURE)


@pytest.mark.parametrize(
    ("ending", "early", "last"),
    [
        (Returned("1"), Complete("1"), Complete("1")),
        (Returned(None, "too large"), Complete(None, "too large"), Complete(None, "too large")),
        (Raised(FAILURE), RETRY, SPENT),
        (TimedOut(FAILURE), RETRY, LATE),
        (Crashed(FAILURE), Crash(FAILURE), Crash(FAILURE)),
        (Raised(FAILURE, permanent=True), HOPELESS, HOPELESS),
        (Misfit(FAILURE), MISFIT, MISFIT),
        (Stranger(), Release(), Release()),
        (Interrupted(), Release(), Release()),
        (Snooze(60), Snooze(60), Snooze(60)),
    ],
)
def test_what_follows_from_an_ending(ending: Ending, early: Outcome, last: Outcome) -> None:
    """Every ending has its outcome, with attempts left and on the last one, and past it."""
    assert decide(claimed(1, 2), ending, POLICY) == early
    assert decide(claimed(2, 2), ending, POLICY) == last
    assert decide(claimed(1, 1), ending, POLICY) == last
    assert decide(claimed(7, 2), ending, POLICY) == last


def test_a_stranger_for_too_long_is_buried() -> None:
    """A task that no worker knows ends in the dead letters with the cure in its error."""
    outcome = decide(claimed(1, 9), Stranger(expired=True), POLICY)
    assert isinstance(outcome, Bury)
    assert outcome.reason is Reason.JOB_NOT_FOUND
    assert "deploy it" in outcome.failure.summary


def test_crashes_are_counted_apart_from_attempts() -> None:
    """The crash that makes max_crashes of them buries the job, however many attempts are left."""
    crashed = claimed(1, 9)._replace(crashes=2)
    buried = Bury(Reason.WORKER_CRASHED, FAILURE)
    assert decide(crashed, Crashed(FAILURE), POLICY) == buried
    assert decide(crashed, Crashed(FAILURE), POLICY, max_crashes=4) == Crash(FAILURE)
    assert decide(claimed(1, 9), Crashed(FAILURE), POLICY, max_crashes=1) == buried


def test_the_delay_grows_with_the_attempts_and_takes_its_chance() -> None:
    """The n-th failure waits as long as the policy says for retry n."""
    policy = RetryPolicy((1, 10), jitter=0.5)
    assert decide(claimed(1, 9), Raised(FAILURE), policy, 0.5) == Retry(1, FAILURE)
    assert decide(claimed(2, 9), Raised(FAILURE), policy, 0.0) == Retry(5, FAILURE)


def test_an_unsettled_claim_is_given_back() -> None:
    """Where nothing else is known, a job is released unharmed."""
    assert Settlement(claimed(1, 1)).outcome == Release()


def test_a_permanent_failure_is_known_by_its_class() -> None:
    """Subclasses count; anything else is worth another attempt."""

    class Gone(PermanentFailure):
        pass

    assert Raised.by(Gone("x")).permanent
    assert not Raised.by(ValueError("x")).permanent


# --- snooze ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0, 0.5, 60, LONGEST_DELAY])
def test_a_snooze_takes_seconds(seconds: float) -> None:
    """From now to ten years."""
    assert Snooze(seconds).seconds == seconds


@pytest.mark.parametrize(
    "seconds",
    [-1, -0.1, float("nan"), float("inf"), LONGEST_DELAY * 2, 10**400, "60", None, True, [1]],
)
def test_a_snooze_that_cannot_be_waited_for_is_refused(seconds: Any) -> None:
    """It is refused in the handler, where its author can see it."""
    with pytest.raises(InvalidOption, match="from 0 to ten years"):
        Snooze(seconds)


# --- failures -------------------------------------------------------------------------------------


def raised(error: BaseException) -> BaseException:
    """Return the error with a traceback."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - that is what handlers raise
        return caught


def test_a_failure_is_one_line_and_a_traceback() -> None:
    """The summary names type and message; the traceback is Python's own."""
    failure = Failure.of(raised(ValueError("no such user")))
    assert failure.summary == "ValueError: no such user"
    assert failure.traceback is not None
    assert failure.traceback.startswith("Traceback (most recent call last):")
    assert "raise error" in failure.traceback


def test_an_error_without_message_is_its_type() -> None:
    """No colon without something behind it."""
    assert Failure.of(KeyError()).summary == "KeyError"


@pytest.mark.parametrize("inner", [ValueError, SystemExit, KeyboardInterrupt, RecursionError])
def test_an_error_whose_message_raises_is_described(inner: type[BaseException]) -> None:
    """An exception can't break the worker that reports it."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise inner

        __repr__ = __str__

    failure = Failure.of(raised(Broken()))
    assert "Broken: (its message can't be shown" in failure.summary
    assert inner.__name__ in failure.summary
    assert failure.traceback is not None
    assert "raise error" in failure.traceback


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\x00b", "a\\x00b"),
        ("a\ud800b", "a\\ud800b"),
        ("naïve ☃ 😀", "naïve ☃ 😀"),
        ("", ""),
    ],
)
def test_what_no_database_can_store_is_escaped(text: str, stored: str) -> None:
    """NUL and lone surrogates are shown, everything else stays as it is."""
    assert storable(text) == stored
    failure = Failure.of(raised(ValueError(text)))
    for part in (failure.summary, failure.traceback or ""):
        assert stored in part
        assert "\x00" not in part
        part.encode()


def test_huge_errors_are_shortened_in_the_middle() -> None:
    """A message of 10 MB leaves its beginning and its end."""
    failure = Failure.of(raised(ValueError("b" + "x" * 10_000_000 + "e")))
    for part in (failure.summary, failure.traceback or ""):
        assert len(part) < 100_100
        assert part.rstrip().endswith("xe")
        assert "characters left out" in part


def test_any_base_exception_is_described() -> None:
    """SystemExit, groups and chains are errors like others."""
    group = raised(BaseExceptionGroup("two", [SystemExit(3), ValueError("x")]))
    assert Failure.of(group).summary == "BaseExceptionGroup: two (2 sub-exceptions)"
    assert Failure.of(SystemExit(3)).summary == "SystemExit: 3"


def test_a_traceback_that_cannot_be_formatted_keeps_its_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where Python itself gives up on an exception, the places in the code are kept."""

    def give_up(*_: object) -> list[str]:
        raise RecursionError

    monkeypatch.setattr("traceback.format_exception", give_up)
    failure = Failure.of(raised(ValueError("x")))
    assert failure.traceback is not None
    assert "raise error" in failure.traceback


@pytest.mark.parametrize(
    ("crashes", "max_crashes", "suspect"),
    [
        (0, 3, False),
        (1, 3, False),
        (2, 3, True),
        (5, 3, True),
        (0, 2, False),
        (1, 2, True),
        (0, 1, False),
        (1, 1, True),
    ],
)
def test_suspects(crashes: int, max_crashes: int, suspect: bool) -> None:
    """Whoever the next crash would bury is a suspect, but nobody is before its first crash."""
    assert is_suspect(crashes, max_crashes) is suspect


@pytest.mark.parametrize(
    ("crashes", "max_crashes", "alone", "guilty"),
    [
        (0, 1, False, True),
        (0, 1, True, True),
        (1, 1, False, False),
        (1, 2, True, True),
        (0, 3, True, False),
        (1, 3, True, False),
        (2, 3, False, False),
        (2, 3, True, True),
    ],
)
def test_guilt(crashes: int, max_crashes: int, alone: bool, guilty: bool) -> None:
    """A crash is the last one only where the job ran alone, or where the first one is too many."""
    assert is_guilty(crashes, max_crashes, isolated=alone) is guilty

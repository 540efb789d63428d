"""The rules of outcomes, for every budget and ending."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

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
    Raised,
    Reason,
    Release,
    Retry,
    Returned,
    Snooze,
    Stranger,
    TimedOut,
    decide,
    storable,
)
from soniq.retry import LONGEST_DELAY, RetryPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = st.floats(0, LONGEST_DELAY)
COUNT = st.integers(1, 2**31 - 1)
FAILURES = st.builds(Failure, st.text(), st.none() | st.text())
JOBS = st.builds(
    ClaimedJob,
    id=st.just("id"),
    job_name=st.just("a.b"),
    queue=st.just("default"),
    args=st.just("{}"),
    attempt=COUNT | st.integers(1, 5),
    max_attempts=COUNT | st.integers(1, 5),
    fence=COUNT,
    scheduled_at=st.just(NOW),
    created_at=st.just(NOW),
    crashes=st.integers(0, 5),
)
POLICIES = st.builds(
    RetryPolicy,
    delays=st.lists(SECONDS, min_size=1).map(tuple),
    backoff=st.booleans(),
    max_delay=st.none() | SECONDS,
    jitter=st.floats(0, 1),
)
ENDINGS: st.SearchStrategy[Ending] = st.one_of(
    st.builds(Returned, st.none() | st.text(), st.none() | st.text()),
    st.builds(Raised, FAILURES, st.booleans()),
    st.builds(TimedOut, FAILURES),
    st.builds(Crashed, FAILURES),
    st.builds(Misfit, FAILURES),
    st.builds(Stranger, st.booleans()),
    st.just(Interrupted()),
    st.builds(Snooze, SECONDS),
)
CHANCE = st.floats(0, 1, exclude_max=True)


@given(job=JOBS, ending=ENDINGS, policy=POLICIES, chance=CHANCE, max_crashes=st.integers(1, 5))
def test_every_ending_has_one_lawful_outcome(
    job: ClaimedJob, ending: Ending, policy: RetryPolicy, chance: float, max_crashes: int
) -> None:
    """No ending is without outcome, and each outcome comes from the endings that allow it."""
    outcome = decide(job, ending, policy, chance, max_crashes=max_crashes)
    match outcome:
        case Complete():
            assert isinstance(ending, Returned)
        case Retry(delay):
            assert isinstance(ending, Raised | TimedOut)
            assert job.attempt < job.max_attempts
            assert 0 <= delay <= LONGEST_DELAY
        case Bury(Reason.MAX_RETRIES_EXCEEDED | Reason.TIMEOUT):
            assert isinstance(ending, Raised | TimedOut)
            assert job.attempt >= job.max_attempts
        case Crash():
            assert isinstance(ending, Crashed)
            assert job.crashes + 1 < max_crashes
        case Bury(Reason.WORKER_CRASHED):
            assert isinstance(ending, Crashed)
            assert job.crashes + 1 >= max_crashes
        case Bury(reason):
            assert reason in {
                Reason.PERMANENT_FAILURE,
                Reason.INVALID_ARGUMENTS,
                Reason.JOB_NOT_FOUND,
            }
        case Snooze():
            assert outcome is ending
        case Release():
            assert isinstance(ending, Interrupted | Stranger)


@given(job=JOBS, ending=ENDINGS, policy=POLICIES, chance=CHANCE)
def test_the_choice_depends_on_nothing_else(
    job: ClaimedJob, ending: Ending, policy: RetryPolicy, chance: float
) -> None:
    """The same facts give the same outcome."""
    assert decide(job, ending, policy, chance) == decide(job, ending, policy, chance)


@given(failure=FAILURES, policy=POLICIES, retries=st.integers(0, 50))
def test_a_job_that_always_fails_runs_once_and_its_retries(
    failure: Failure, policy: RetryPolicy, retries: int
) -> None:
    """The budget is spent exactly, never less and never more."""
    runs = 0
    outcome = None
    while not isinstance(outcome, Bury):
        runs += 1
        job = ClaimedJob("id", "a", "q", "{}", runs, retries + 1, runs, NOW, NOW)
        outcome = decide(job, Raised(failure), policy)
    assert runs == retries + 1


@given(failure=FAILURES, policy=POLICIES, retries=st.integers(0, 5), max_crashes=COUNT)
def test_a_job_that_always_crashes_runs_max_crashes_times(
    failure: Failure, policy: RetryPolicy, retries: int, max_crashes: int
) -> None:
    """Whatever its budget: crashes are counted apart, and the last attempt is never theirs."""
    limit = min(max_crashes, 50)
    attempts, crashes = 0, 0
    outcome = None
    while not isinstance(outcome, Bury):
        attempts += 1
        job = ClaimedJob("id", "a", "q", "{}", attempts, retries + 1, 1, NOW, NOW, crashes)
        assert job.attempt <= job.max_attempts
        outcome = decide(job, Crashed(failure), policy, max_crashes=limit)
        attempts, crashes = min(attempts, retries), crashes + 1
    assert (crashes, outcome.reason) == (limit, Reason.WORKER_CRASHED)


@given(text=st.text(st.characters()), limit=st.integers(2, 50))
def test_stored_text_is_always_storable(text: str, limit: int) -> None:
    """No text of an error can keep its job from being settled."""
    stored = storable(text, limit)
    assert "\x00" not in stored
    stored.encode()

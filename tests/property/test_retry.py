"""Delays between attempts, for whatever a task may declare."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from soniq.retry import LONGEST_DELAY, RetryPolicy

SECONDS = st.floats(0, LONGEST_DELAY) | st.sampled_from([0.0, 5e-324, 1.0, LONGEST_DELAY])
SHARE = st.floats(0, 1)
CHANCE = st.floats(0, 1, exclude_max=True)
RETRIES = st.integers(1, 100) | st.sampled_from([10**6, 2**31])
POLICIES = st.builds(
    RetryPolicy,
    delays=st.lists(SECONDS, min_size=1, max_size=5).map(tuple),
    backoff=st.booleans(),
    max_delay=st.none() | SECONDS,
    jitter=SHARE,
)


@given(policy=POLICIES, retry=RETRIES, chance=CHANCE)
def test_a_delay_can_always_be_waited_for(policy: RetryPolicy, retry: int, chance: float) -> None:
    """Delays are finite, never negative and never longer than ten years."""
    delay = policy.delay(retry, chance)
    assert math.isfinite(delay)
    assert 0 <= delay <= LONGEST_DELAY


@given(policy=POLICIES, retry=RETRIES, chance=CHANCE)
def test_a_delay_keeps_to_the_cap_and_its_jitter(
    policy: RetryPolicy, retry: int, chance: float
) -> None:
    """Jitter moves a delay by its share at most, and the cap holds but for that share."""
    middle = policy.delay(retry)
    delay = policy.delay(retry, chance)
    assert delay <= (middle * (1 + policy.jitter)) * (1 + 1e-9)
    assert delay >= min(middle * (1 - policy.jitter), LONGEST_DELAY) * (1 - 1e-9)
    if policy.max_delay is not None:
        assert middle <= policy.max_delay


@given(delay=SECONDS, cap=st.none() | SECONDS, retry=RETRIES)
def test_backoff_never_shrinks(delay: float, cap: float | None, retry: int) -> None:
    """With one delay and backoff, each wait is at least as long as the one before."""
    policy = RetryPolicy((delay,), backoff=True, max_delay=cap)
    assert policy.delay(retry) <= policy.delay(retry + 1)


@given(delays=st.lists(SECONDS, min_size=1, max_size=5), retry=RETRIES)
def test_a_list_is_taken_item_by_item(delays: list[float], retry: int) -> None:
    """Retry n waits for item n, or for the last one."""
    assert (
        RetryPolicy(tuple(delays)).delay(retry)
        == [*delays, delays[-1]][min(retry - 1, len(delays))]
    )

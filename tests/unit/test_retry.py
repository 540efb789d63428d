from __future__ import annotations

import pytest

from soniq.retry import LONGEST_DELAY, RetryPolicy


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        (RetryPolicy(), [0, 0, 0, 0]),
        (RetryPolicy((5,)), [5, 5, 5, 5]),
        (RetryPolicy((1, 5, 30)), [1, 5, 30, 30]),
        (RetryPolicy((2,), backoff=True), [2, 4, 8, 16]),
        (RetryPolicy((0,), backoff=True), [1, 2, 4, 8]),
        (RetryPolicy((1, 10), backoff=True), [1, 20, 40, 80]),
        (RetryPolicy((2,), backoff=True, max_delay=5), [2, 4, 5, 5]),
        (RetryPolicy((10, 1), max_delay=5), [5, 1, 1, 1]),
        (RetryPolicy((10,), max_delay=0), [0, 0, 0, 0]),
    ],
)
def test_the_delay_before_each_retry(policy: RetryPolicy, delays: list[float]) -> None:
    """Lists repeat their last item, backoff doubles (a delay of 0 is 1), the cap holds."""
    assert [policy.delay(retry) for retry in (1, 2, 3, 4)] == delays


@pytest.mark.parametrize(("chance", "delay"), [(0, 8), (0.25, 9), (0.5, 10), (0.75, 11)])
def test_jitter_spreads_to_both_sides(chance: float, delay: float) -> None:
    """A jitter of 0.2 varies the delay by a fifth, and chance is passed in."""
    assert RetryPolicy((10,), jitter=0.2).delay(1, chance) == pytest.approx(delay)


def test_jitter_comes_after_the_cap() -> None:
    """Capped delays must not all land on the same second."""
    policy = RetryPolicy((100,), max_delay=10, jitter=0.5)
    assert {policy.delay(1, chance) for chance in (0, 0.5)} == {5, 10}


def test_no_delay_is_longer_than_a_database_can_date() -> None:
    """A million doublings end at ten years, jitter included."""
    policy = RetryPolicy((LONGEST_DELAY,), backoff=True, jitter=1)
    assert policy.delay(10**6, chance=0.999) == LONGEST_DELAY

"""Percentiles of histograms: never further off than the bucket that the true one lies in."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniq import histogram
from soniq.histogram import BOUNDS, added, bucket_of, empty, percentile

DURATIONS = st.lists(st.floats(0, 10_000), min_size=1, max_size=50)
SHARES = st.floats(0, 1)


def histogram_of(durations: list[float]) -> list[int]:
    """Return the counts of durations."""
    counts = empty()
    for duration in durations:
        counts[bucket_of(duration)] += 1
    return counts


@given(DURATIONS, SHARES)
def test_in_the_bucket_of_the_true_one(durations: list[float], share: float) -> None:
    """The answer lies between the bounds around what it stands for."""
    true = sorted(durations)[max(0, math.ceil(share * len(durations)) - 1)]
    found = percentile(histogram_of(durations), share)
    bucket = bucket_of(true)
    low = BOUNDS[bucket - 1] if bucket else 0.0
    high = BOUNDS[bucket] if bucket < len(BOUNDS) else low
    assert found is not None
    assert low <= found <= high


@given(DURATIONS, SHARES, SHARES)
def test_a_larger_share_takes_no_less(durations: list[float], one: float, other: float) -> None:
    """Percentiles rise with their share."""
    counts = histogram_of(durations)
    found = [percentile(counts, share) or 0.0 for share in sorted((one, other))]
    assert found == sorted(found)


@given(DURATIONS, DURATIONS)
def test_counts_of_all_together(some: list[float], more: list[float]) -> None:
    """Histograms add up as their durations do."""
    assert list(added(histogram_of(some), histogram_of(more))) == histogram_of(some + more)


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bucket_begins_with_its_bound(bound: float) -> None:
    """What is as long as a bound is in the bucket above it."""
    assert bucket_of(bound) == bucket_of(math.nextafter(bound, 0)) + 1


def test_nothing_counted() -> None:
    """Then there is no percentile; and there is none above the whole."""
    assert percentile(empty(), 0.5) is None
    with pytest.raises(ValueError, match="share from 0 to 1"):
        percentile(empty(), 50)


def test_halfway() -> None:
    """Within a bucket durations are taken to be spread evenly."""
    assert percentile(histogram_of([0.6, 0.7]), 0.5) == pytest.approx(0.75)
    assert percentile(histogram_of([9999.0]), 0.5) == histogram.BOUNDS[-1]

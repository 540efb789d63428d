"""How many durations fell between which bounds, and what percentiles follow. Pure arithmetic."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

# Seconds. Bucket 0 holds what is shorter than the first bound, each other one what is at least as
# long as its bound and shorter than the next. Rows that are written count by them: other bounds
# need a migration.
BOUNDS = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
BUCKETS = len(BOUNDS) + 1


def empty() -> list[int]:
    """Return the counts of no durations."""
    return [0] * BUCKETS


def bucket_of(seconds: float) -> int:
    """Return the index of the bucket that a duration falls into; a negative one counts as 0 s."""
    return bisect_right(BOUNDS, seconds)


def added(*histograms: Sequence[int]) -> tuple[int, ...]:
    """Return the counts of all the durations together."""
    return tuple(map(sum, zip(empty(), *histograms, strict=True)))


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Return the seconds that ``share`` of the durations (0.95: nineteen of twenty) do not exceed.

    None where nothing was counted. Within a bucket durations are taken to be spread evenly, so the
    answer lies in the bucket of the true one: it is off by less than that bucket's width. Of the
    last one, which has no end, only the beginning is known: ``3600`` means an hour or longer.

    Raises:
        ValueError: ``share`` is not from 0 to 1.

    Example:
        ``percentile(rollup.waits, 0.95)``
    """
    if not 0 <= share <= 1:
        message = f"percentile(…, {share!r}): give a share from 0 to 1, such as 0.95."
        raise ValueError(message)
    rank = share * sum(counts)
    before = 0
    for bucket, count in enumerate(counts):
        if count and before + count >= rank:
            return within(bucket, (rank - before) / count)
        before += count
    return None


def within(bucket: int, part: float) -> float:
    """Return the duration that lies so far (0 to 1) into a bucket."""
    low = BOUNDS[bucket - 1] if bucket else 0.0
    high = BOUNDS[bucket] if bucket < len(BOUNDS) else low
    return low + (high - low) * part

from __future__ import annotations

import os
import re
import threading
import time
from datetime import UTC, timedelta
from uuid import RFC_4122, UUID

import pytest

from soniq.clock import IdSequence, SystemClock

MILLISECOND = 1_767_258_000_000
HOUR = 3_600_000
PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_ids_are_unique_and_ordered_while_the_clock_steps_back() -> None:
    """200,000 ids of one process sort as they were made, also when the clock loses an hour."""
    ids = IdSequence()
    made = [ids.next(MILLISECOND + index // 1000) for index in range(100_000)]
    made += [ids.next(MILLISECOND - HOUR + index // 1000) for index in range(100_000)]
    assert len(set(made)) == 200_000
    assert made == sorted(made)


@pytest.mark.parametrize("millisecond", [1, MILLISECOND, 2**48 - 1])
def test_ids_have_version_variant_and_time_in_their_places(millisecond: int) -> None:
    """RFC 9562: 48 bits of Unix milliseconds, version 7, variant 10."""
    ids = IdSequence()
    for text in (ids.next(millisecond), ids.next(millisecond)):
        assert PATTERN.fullmatch(text)
        value = UUID(text)
        assert value.version == 7
        assert value.variant == RFC_4122
        assert value.int >> 80 == millisecond


def test_ids_of_the_system_clock_carry_the_present() -> None:
    """The first 48 bits of an id say when it was made."""
    before = time.time_ns() // 1_000_000
    made = UUID(SystemClock().new_id()).int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_two_sequences_never_agree() -> None:
    """Processes that make ids in the same millisecond do not meet."""
    one, other = IdSequence(), IdSequence()
    mine = {one.next(MILLISECOND) for _ in range(10_000)}
    assert mine.isdisjoint({other.next(MILLISECOND) for _ in range(10_000)})


def test_ids_of_threads_are_unique() -> None:
    """Several threads may share a clock."""
    clock, made = SystemClock(), list[str]()

    def make() -> None:
        made.extend([clock.new_id() for _ in range(5_000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20_000


def test_a_forked_child_does_not_repeat_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance is drawn anew in another process, even within the same millisecond."""
    parent, child = IdSequence(), IdSequence()
    first = parent.next(MILLISECOND)
    vars(child).update(vars(parent), _lock=threading.Lock())
    monkeypatch.setattr(os, "getpid", lambda: -1)
    in_child = [child.next(MILLISECOND) for _ in range(3)]
    monkeypatch.undo()
    vars(parent)["_pid"] = os.getpid()
    in_parent = [parent.next(MILLISECOND) for _ in range(3)]
    assert first not in in_child
    assert set(in_child).isdisjoint(in_parent)


def test_the_system_clock_tells_the_time_in_utc() -> None:
    """Times are aware and in UTC, durations never go back, and databases use their own clock."""
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(clock.now().timestamp() - time.time()) < timedelta(minutes=1).total_seconds()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.pinned() is None
    assert all(0 <= clock.random() < 1 for _ in range(100))

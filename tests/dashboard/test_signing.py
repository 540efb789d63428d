"""What a browser keeps for the dashboard."""

from __future__ import annotations

import pytest

from soniq.dashboard.signing import Signer
from soniq.dashboard.throttle import FAILURES, MOST_ADDRESSES, SECONDS, Throttle
from tests.support.clock import FrozenClock

SECRET = b"s" * 32


def test_what_was_signed_comes_back(clock: FrozenClock) -> None:
    """Also in another process that has the same secret."""
    text = Signer(SECRET, clock).pack("flash", ["Done: é", 1], seconds=60)
    assert Signer(SECRET, clock).unpack("flash", text) == ["Done: é", 1]


def test_it_is_valid_for_a_while(clock: FrozenClock) -> None:
    """Up to the last second, not longer; a token likewise."""
    signer = Signer(SECRET, clock)
    text, token = signer.pack("flash", 1, seconds=60), signer.token("csrf", "ana/", seconds=60)
    clock.advance(seconds=59)
    assert signer.unpack("flash", text) == 1
    assert signer.accepts("csrf", "ana/", token)
    clock.advance(seconds=1)
    assert signer.unpack("flash", text) is None
    assert not signer.accepts("csrf", "ana/", token)


def test_nothing_else_comes_back(clock: FrozenClock) -> None:
    """Not for another purpose or secret, not changed in any place, not garbage."""
    signer = Signer(SECRET, clock)
    text = signer.pack("session", "ana", seconds=60)
    assert signer.unpack("flash", text) is None
    assert Signer(b"t" * 32, clock).unpack("session", text) is None
    assert Signer(None, clock).unpack("session", text) is None
    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        assert signer.unpack("session", text[:place] + other + text[place + 1 :]) is None
    assert [signer.unpack("session", odd) for odd in ("", ".", "a.b", "é", "\x00.\x00")] == [
        None
    ] * 5


@pytest.mark.parametrize("odd", ["", ".", "9999999999.", "x.y", "9999999999.0", "é.é"])
def test_a_token_is_one_persons_own(clock: FrozenClock, odd: str) -> None:
    """Another's, or one that was made up, is refused."""
    signer = Signer(SECRET, clock)
    token = signer.token("csrf", "ana/1", seconds=60)
    assert signer.accepts("csrf", "ana/1", token)
    assert not signer.accepts("csrf", "ana/2", token)
    assert not signer.accepts("csrf", "bob/1", token)
    assert not signer.accepts("csrf", "ana/1", odd)


def test_an_address_may_guess_now_and_then(clock: FrozenClock) -> None:
    """After ten wrong keys within a minute it has to wait until the first is a minute old."""
    throttle = Throttle(clock)
    for _ in range(FAILURES):
        assert throttle.wait("10.0.0.1") == 0
        throttle.fail("10.0.0.1")
        clock.advance(seconds=1)
    assert throttle.wait("10.0.0.1") == SECONDS - FAILURES
    assert throttle.wait("10.0.0.2") == 0
    clock.advance(seconds=SECONDS - FAILURES)
    assert throttle.wait("10.0.0.1") == 0
    throttle.fail("10.0.0.1")
    assert throttle.wait("10.0.0.1") == 1


def test_addresses_are_forgotten_rather_than_hoarded(clock: FrozenClock) -> None:
    """Guesses from ever new addresses fill no memory."""
    throttle = Throttle(clock)
    for number in range(MOST_ADDRESSES + 10):
        throttle.fail(str(number))
    assert len(throttle._failures) == MOST_ADDRESSES

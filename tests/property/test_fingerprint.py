"""Fingerprints: what varies has no say, everything else has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from string import ascii_letters, ascii_lowercase, digits

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from soniq.fingerprint import GAP, LOOKED_AT, Fingerprint, fingerprint, normalised

WORDS = st.text(ascii_lowercase, min_size=1, max_size=5)
INNER = st.text(
    st.characters(codec="utf-8", exclude_characters="'\"`\\“”„«»", exclude_categories=["C", "Z"])
)
ALNUM = st.text(ascii_letters + digits, min_size=1, max_size=6)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 4 * 10**15).map(lambda passed: EPOCH + timedelta(microseconds=passed))
# What a failure may hold in one place, and never twice alike.
VARYING = (
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0).map("{:,}".format),
    st.uuids(),
    st.uuids().map(lambda one: one.hex),
    st.binary(min_size=20, max_size=20).map(bytes.hex),
    st.integers(2**20, 2**64).map(hex),
    MOMENTS.map(lambda at: at.replace(tzinfo=None).isoformat(" ")),
    MOMENTS.map(lambda at: at.isoformat()),
    MOMENTS.map(lambda at: f"{at:%a, %d %b %Y %H:%M:%S} GMT"),
    st.ip_addresses(v=4),
    INNER.map(lambda text: f"'{text}'"),
    INNER.map(lambda text: f'"{text}"'),
    INNER.map(repr),
    ALNUM.map(lambda text: f"{text}.x@example.org"),
    ALNUM.map(lambda text: f"https://example.org/items?q={text}"),
    st.integers(0).map(lambda number: f"https://example.org/items/{number}/parts"),
    st.integers(0).map(lambda number: f"/srv/spool/{number}/report-{number}.csv"),
    st.text(ascii_lowercase + digits + "_", min_size=8, max_size=8).map("spool/tmp{}/x".format),
    st.integers(0).map(lambda number: f"customer{number}"),
    st.lists(st.integers(0), min_size=1, max_size=4),
)


@st.composite
def alike(draw: st.DrawFn) -> tuple[str, str]:
    """Draw two errors of the same words, with other values in the same places."""
    one, other = ["ValueError:"], ["ValueError:"]
    for word in draw(st.lists(WORDS, min_size=1, max_size=3)):
        kind = draw(st.sampled_from(VARYING))
        one += [word, str(draw(kind))]
        other += [word, str(draw(kind))]
    texts = " ".join(one), " ".join(other)
    assume(max(map(len, texts)) < LOOKED_AT)
    return texts


@given(alike())
def test_the_same_whatever_varies(errors: tuple[str, str]) -> None:
    """Numbers, ids, addresses, times, paths and quoted text may change."""
    one, other = (fingerprint(error, job_name="a", reason="timeout") for error in errors)
    assert one == other


@given(st.text())
def test_any_text_has_a_fingerprint(error: str) -> None:
    """Short, hexadecimal, and the same for what it makes of the error."""
    found = fingerprint(error, job_name="a", reason="b")
    assert len(found.id) == 12
    assert int(found.id, 16) >= 0
    assert len(found.error) <= 200
    assert found == fingerprint(error, job_name="a", reason="b")


@given(alike())
def test_nothing_varies_in_what_is_left(errors: tuple[str, str]) -> None:
    """What an error is made into is left as it is, and holds no digit."""
    text = normalised(errors[0])
    assert normalised(text) == text
    assert not set(text) & set(digits)


@given(WORDS, WORDS, WORDS)
def test_words_kinds_tasks_and_reasons_count(one: str, other: str, word: str) -> None:
    """Where any of these is another, so is the failure."""
    assume(one != other)
    alike = fingerprint(f"{one}: {word}", job_name=one, reason=one)
    assert alike.id != fingerprint(f"{other}: {word}", job_name=one, reason=one).id
    assert alike.id != fingerprint(f"{one}: {word}", job_name=other, reason=one).id
    assert alike.id != fingerprint(f"{one}: {word}", job_name=one, reason=other).id
    assert alike.id != fingerprint(f"{one}: {word} {other}", job_name=one, reason=one).id


@given(st.text(ascii_letters + digits + " '\"", min_size=LOOKED_AT), st.text())
def test_only_the_beginning_is_looked_at(error: str, more: str) -> None:
    """A whole error has the fingerprint of its first 500 characters."""
    cut = fingerprint(error[:LOOKED_AT], job_name="a", reason="b")
    assert fingerprint(error + more, job_name="a", reason="b") == cut


def test_a_quotation_that_is_cut_off_is_one_all_the_same() -> None:
    """Long values end beyond what is looked at, wherever that is."""
    one, other = (f"ValueError: bad value '{letter * 600}' here" for letter in "xy")
    assert normalised(one[:LOOKED_AT]) == normalised(other[:LOOKED_AT])
    assert normalised(one[:LOOKED_AT]) == f"ValueError: bad value '{GAP}'"


CASES = {
    "": "",
    "Oops": "Oops",
    "ValueError: order 42 isn't paid": "ValueError: order … isn't paid",
    "KeyError: 'user_id'": "KeyError: '…'",
    "S3Error: upload of part 7 failed": "S3Error: upload of part … failed",
    "OSError: [Errno 2] No such file: '/srv/x'": "OSError: [Errno …] No such file: '…'",
    "DBError: <Conn at 0x7f2a> to 10.0.0.1:5432 lost": "DBError: <Conn at …> to … lost",
    "E: https://ana:pw@example.org/v1?key=abc#x": "E: https://…@example.org/v…?…",
    "E: No customer cus_9s6XKzkNRiz8i3": "E: No customer cus_…",
    "E: can't read\n  b'\\x00' at -1.5e-7": "E: can't read b'…' at …",
    "E: took 3s, 4.5 ms and 10%": "E: took …s, … ms and …%",
}


@pytest.mark.parametrize(("error", "text"), CASES.items())
def test_it_reads_like_the_error(error: str, text: str) -> None:
    """People recognise the failure, and see where something was left out."""
    assert fingerprint(error, job_name="a", reason="b").error == text


def test_ids_stay_as_they_are() -> None:
    """An id is the same tomorrow: people keep it in links and notes."""
    error = "ValueError: order 42 isn't paid"
    told = Fingerprint("2ea609394397", "ValueError: order … isn't paid")
    assert fingerprint(error, job_name="shop.pay", reason="timeout") == told


def nasty() -> list[str]:
    """Return texts on which careless patterns take for ever."""
    parts: list[Callable[[int], str]] = [
        lambda size: "'" * size,
        lambda size: "\\'" * size,
        lambda size: "a@" * size,
        lambda size: "0" * size,
        lambda size: "1-" * size,
        lambda size: "aA1" * size,
        lambda size: "x@y." * size,
        lambda size: "…, " * size,
    ]
    return [f"E: {part(LOOKED_AT)}" for part in parts]


@pytest.mark.parametrize("error", nasty(), ids=lambda error: error[3:6])
@pytest.mark.timeout(2)
def test_no_error_takes_for_ever(error: str) -> None:
    """Whatever an error holds is looked at in milliseconds."""
    normalised(error[:LOOKED_AT])

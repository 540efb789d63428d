"""What the command line lets through to a terminal, and how it reads and shows values."""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from soniq.cli import logs, render
from soniq.cli.escape import escape, mask_url
from soniq.cli.options import counted, read_duration
from soniq.errors import ConfigurationError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("7d", 604_800),
        ("1w", 604_800),
        ("1h30m", 5400),
        (" 1.5H ", 5400),
        ("0", 0),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    """Numbers with units become seconds."""
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "7x", "-5m", "5m later", "m", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number without a unit is as wrong as nonsense: nobody knows what it means."""
    with pytest.raises(typer.BadParameter, match="number and a unit"):
        read_duration(text)


def test_numbers_take_the_right_noun() -> None:
    """One job, two jobs."""
    assert [counted(n, "job") for n in (0, 1, 2000)] == ["0 jobs", "1 job", "2,000 jobs"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 日本 🎉", "plain ünïcode 日本 🎉"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202eturned", r"\u202eturned"),
        ("\x9bnot a letter\x7f", r"\x9bnot a letter\x7f"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    """What could move the cursor or turn a line around is shown as an escape."""
    assert escape(text) == shown


def test_lines_may_be_kept() -> None:
    """A traceback keeps its lines and loses its tabs."""
    assert escape("a\n\tb\r\x1b", lines=True) == "a\n    b\\r\\x1b"


@given(st.text())
def test_nothing_invisible_gets_through(text: str) -> None:
    """Whatever the text, what is shown has no control characters."""
    assert all(character.isprintable() or character.isspace() for character in escape(text))
    assert "\n" not in escape(text)
    assert "\r" not in escape(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db:5432/shop", "postgresql://me:***@db:5432/shop"),
        ("postgresql://me:se@cret@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://:secret@db/shop", "postgresql://:***@db/shop"),
        ("postgresql://me@db/shop?password=secret&x=1", "postgresql://me@db/shop?password=***&x=1"),
        ("postgresql://db/shop?SSLPassword=secret", "postgresql://db/shop?SSLPassword=***"),
        ("postgresql://me@db/shop", "postgresql://me@db/shop"),
        ("sqlite:///jobs.db", "sqlite:///jobs.db"),
        ("jobs.db", "jobs.db"),
        ("postgresql://me:secret@[db/shop", "postgresql://me:***@[db/shop"),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    """A URL is shown without its password, wherever that stands in it."""
    assert mask_url(url) == shown


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=-42), "42s ago"),
        (timedelta(minutes=-5, seconds=-59), "5m ago"),
        (timedelta(hours=3), "in 3h"),
        (timedelta(days=12), "in 12d"),
    ],
)
def test_ages_are_told_in_one_unit(distance: timedelta, words: str) -> None:
    """How long ago or ahead a moment is, in the largest unit that fits."""
    assert render.age(NOW + distance, NOW) == words


def test_no_moment_has_no_age() -> None:
    """Where nothing has happened yet, a dash is shown."""
    assert render.age(None, NOW) == "-"


@pytest.mark.parametrize(
    ("value", "person", "program"),
    [
        (None, "-", ""),
        ((), "-", ""),
        (True, "yes", "true"),
        (1234, "1,234", "1234"),
        (1234.56, "1,234.6", "1234.56"),
        (0.0, "0.0", "0.0"),
        (0.02264, "0.023", "0.02264"),
        (0.25, "0.2", "0.25"),
        (NOW, "2026-01-02 03:04:05", "2026-01-02T03:04:05+00:00"),
        ({"a": [1]}, '{"a": [1]}', '{"a": [1]}'),
        ("a\tb", r"a\tb", r"a\tb"),
    ],
)
def test_values_are_shown_to_people_and_programs(value: object, person: str, program: str) -> None:
    """A person gets what is easy to read, a program what is exact."""
    assert (render.cell(value), render.plain(value)) == (person, program)


def test_tables_are_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows alone, cells between tabs, a key in front where several tables are printed."""
    render.table(render.Table(("a", "b"), [("x\ty", None), (1, 2)]))
    render.table(render.Table(("a",), [("x",)], key="queue"))
    assert capsys.readouterr().out == "x\\ty\t\n1\t2\nqueue\tx\n"


def test_columns_make_room_on_narrow_terminals() -> None:
    """What a narrow terminal has no room for is left out, there only."""
    table = render.Table(("id", "error"), [], wide={"error": 100})
    assert (table.fitting(80), table.fitting(100)) == ([0], [0, 1])


@given(st.recursive(st.text() | st.integers(), st.lists))
def test_json_is_safe_and_exact(value: object) -> None:
    """JSON holds nothing that a terminal could obey, and reads back equal."""
    text = render.to_json(value)
    assert json.loads(text) == value
    assert escape(text) == text


def test_json_is_ascii_where_the_output_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An output that can't take every character gets escapes."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert render.to_json("日本") == '"\\u65e5\\u672c"'


def record(message: str) -> logging.LogRecord:
    """Return a log record with an exception."""
    try:
        raise ValueError("wrong")
    except ValueError:
        return logging.LogRecord("soniq", 30, "file", 1, message, None, sys.exc_info())


def test_the_log_for_people_is_readable() -> None:
    """Level, logger and message in one line, the traceback below, controls spelled out."""
    first, *rest = logs.ConsoleFormatter().format(record("a\x1bb")).split("\n")
    assert first.endswith(r"WARNING soniq: a\x1bb")
    assert rest[-1] == "ValueError: wrong"


def test_the_log_for_collectors_is_json() -> None:
    """One object a line, with the traceback in it."""
    line = logs.JsonFormatter().format(record("two\nlines"))
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("WARNING", "soniq", "two\nlines")
    assert told["traceback"].endswith("ValueError: wrong")


def test_an_unknown_log_level_is_refused() -> None:
    """The message names the levels that there are."""
    with pytest.raises(ConfigurationError, match="DEBUG, INFO"):
        logs.configure("LOUD", "console")

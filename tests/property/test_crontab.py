"""Cron strings, whatever they say: what is accepted fires, in order, and can be put into words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from soniq.cronfields import FIELDS, Field
from soniq.crontab import Crontab, describe, parse
from soniq.errors import InvalidOption
from tests.support.cron_oracle import ZONES

DATES = (datetime(1975, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - the strategy adds the zone
MOMENTS = st.datetimes(*DATES, timezones=st.just(UTC))
# Anything that a person might type, and much that nobody would.
SCRAWL = st.text(alphabet="0123456789*/-,#?L@ abcdeijmnoprstuvy\u0660", max_size=12)


@st.composite
def items(draw: st.DrawFn, field: Field) -> str:
    """Return an item of a list that cron accepts."""
    value = st.integers(field.low, max(field.top, field.high))
    first, last = sorted((draw(value), draw(value)))
    step = st.integers(1, max(1, last - first))
    kinds = [
        st.just("*"),
        st.integers(1, field.size).map("*/{}".format),
        st.just(str(first)),
        st.just(f"{first}-{last}"),
    ]
    if last > first:
        kinds.append(step.map(f"{first}-{last}/{{}}".format))
    if field.names:
        kinds += [st.sampled_from(field.names), st.sampled_from(field.names).map(str.upper)]
    return draw(st.one_of(kinds))


def fields(field: Field) -> st.SearchStrategy[str]:
    """Return fields that cron accepts, stars more often than chance would have it."""
    return st.just("*") | st.lists(items(field), min_size=1, max_size=3).map(",".join)


def fires(expression: str) -> bool:
    """Tell whether a string is accepted: 30 February is not."""
    try:
        parse(expression)
    except InvalidOption:
        return False
    return True


EXPRESSIONS = st.tuples(*map(fields, FIELDS)).map(" ".join).filter(fires)
CRONTABS = st.builds(Crontab, EXPRESSIONS, st.sampled_from(ZONES))
FREQUENT = st.builds(
    Crontab,
    st.tuples(*map(fields, FIELDS[:2])).map(lambda times: f"{' '.join(times)} * * *"),
    st.sampled_from(ZONES),
)


@given(crontab=CRONTABS, moment=MOMENTS)
def test_ticks_rise(crontab: Crontab, moment: datetime) -> None:
    """Each tick is later than the one before, in UTC, and all that ``after`` gives one by one."""
    ticks = list(islice(crontab.ticks(moment), 5))
    assert all(tick.tzinfo is UTC for tick in ticks)
    stepped = []
    for _ in ticks:
        moment, before = crontab.after(moment), moment
        assert moment > before
        stepped.append(moment)
    assert ticks == stepped


@given(crontab=FREQUENT, moment=MOMENTS, hours=st.integers(0, 80))
def test_until_is_after_again_and_again(crontab: Crontab, moment: datetime, hours: int) -> None:
    """``until`` gives what ``after`` gives up to the end, and ``latest`` the last of it."""
    end = moment + timedelta(hours=hours)
    ticks = list(crontab.until(moment, end))
    stepped = []
    tick = crontab.after(moment)
    while tick <= end:
        stepped.append(tick)
        tick = crontab.after(tick)
    assert ticks == stepped
    assert crontab.latest(moment, end) == (ticks[-1] if ticks else None)


@given(crontab=CRONTABS, end=MOMENTS, days=st.integers(0, 20_000))
def test_latest_is_the_last(crontab: Crontab, end: datetime, days: int) -> None:
    """Nothing fires between the latest tick and the end, and that tick is one."""
    start = end - timedelta(days=days)
    tick = crontab.latest(start, end)
    if tick is None:
        assert crontab.after(start) > end
    else:
        assert start < tick <= end < crontab.after(tick)
        assert crontab.after(tick - timedelta(microseconds=1)) == tick


@given(crontab=CRONTABS, moment=MOMENTS)
def test_a_tick_is_found_from_anywhere_before_it(crontab: Crontab, moment: datetime) -> None:
    """Between two ticks, every moment has the same next one."""
    first, second = islice(crontab.ticks(moment), 2)
    for part in range(4):
        assert crontab.after(first + (second - first) * part / 4) == second


@given(expression=EXPRESSIONS)
def test_fields_mean_here_what_they_mean_to_cronsim(expression: str) -> None:
    """The values that were checked are those that fire."""
    walls = CronSim(expression, datetime(2026, 1, 1))  # noqa: DTZ001
    meant = [walls.minutes, walls.hours, walls.days, walls.months, walls.weekdays]
    for field, text, values in zip(FIELDS, expression.split(), meant, strict=True):
        numbers = {value for value in values if isinstance(value, int)}
        assert {field.low + (value - field.low) % field.size for value in numbers} == (
            field.values(text)
        )


@given(expression=EXPRESSIONS)
def test_whatever_fires_can_be_described(expression: str) -> None:
    """There are words for each cron string, and nothing is left of their templates."""
    words = describe(expression)
    assert words
    assert not set(words) & set("*{}/")


@given(text=SCRAWL | st.lists(SCRAWL, min_size=5, max_size=5).map(" ".join))
def test_a_cron_string_fires_or_is_refused(text: str) -> None:
    """Any text is a crontab that fires, or refused as such: nothing else is ever raised."""
    if fires(text):
        assert parse(text).after(datetime(2026, 1, 1, tzinfo=UTC))

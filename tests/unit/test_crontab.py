from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from soniq import zones
from soniq.crontab import Crontab, check_timezone, describe, parse
from soniq.errors import InvalidOption
from soniq.schedules import cron, daily, every, monthly, weekly

PARIS = "Europe/Paris"
SPRING = datetime(2026, 3, 29, tzinfo=ZoneInfo(PARIS))
NIGHT = [("01", "02"), ("02", "02"), ("02", "01"), ("03", "01")]
AUTUMN = datetime(2026, 10, 25, tzinfo=ZoneInfo(PARIS))


def at(text: str) -> datetime:
    """Return a moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(crontab: Crontab, start: datetime, hours: int) -> list[str]:
    """Return what the clock of a zone shows at the ticks from a moment on, for some hours."""
    ticks = crontab.until(
        start - timedelta(seconds=1), start.astimezone(UTC) + timedelta(hours=hours)
    )
    return [f"{tick.astimezone(ZoneInfo(crontab.timezone)):%H:%M%z}"[:-2] for tick in ticks]


@pytest.mark.parametrize(
    ("given", "expression"),
    [
        ("*/7 * * * *", "*/7 * * * *"),
        ("  0\t9 *  * 1-5\n", "0 9 * * 1-5"),
        ("0 9 * JAN,feb mon-Fri", "0 9 * JAN,feb mon-Fri"),
        ("05 09 1-31/2 * 7", "05 09 1-31/2 * 7"),
        ("*/60 */24 */31 */12 */7", "*/60 */24 */31 */12 */7"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 30 2 mon", "0 0 30 2 mon"),
        (daily().at("09:00"), "0 9 * * *"),
        (daily(), "0 0 * * *"),
        (weekly().on("monday"), "0 0 * * 1"),
        (monthly().on_day(31), "0 0 31 * *"),
        (every(5).minutes(), "*/5 * * * *"),
    ],
)
def test_what_standard_cron_takes_is_taken(given: object, expression: str) -> None:
    """Text and builders become five fields with single spaces, in UTC."""
    assert parse(given) == Crontab(expression, "UTC")


REFUSED = [
    ("", "0 of five fields. Give minute, hour, day, month, weekday"),
    ("* * * *", "4 of five fields"),
    ("0 * * * * *", r"without seconds; for seconds write every=timedelta\(seconds=…\)"),
    ("0 0 * * * * *", "7 of five fields"),
    ("*/90 * * * *", r"minute '\*/90': .*Write every=timedelta\(minutes=90\)"),
    ("0 */25 * * *", r"hour '\*/25': .*Write every=timedelta\(hours=25\)"),
    ("0 0 */32 * *", r"day '\*/32': .*Write every=timedelta\(days=32\)"),
    ("0 0 1 */13 *", r"month '\*/13': .*Write every=timedelta\(days=…\)"),
    ("0 0 * * */8", r"weekday '\*/8': .*Write every=timedelta\(days=8\)"),
    ("0-10/20 * * * *", "minute '0-10/20': .*Write 0 instead"),
    ("5-5/1 * * * *", "minute '5-5/1': .*Write 5 instead"),
    ("5/10 * * * *", "needs a range or a star before it. Write 5-59/10 instead"),
    ("*/0 * * * *", "a step is 1 or more"),
    ("0 22-2 * * *", "hour '22-2': .*backwards. Write 22-23,0-2 instead"),
    ("0 0 * * fri-sun", "Write 5-6,0 instead"),
    ("0 0 30 2 *", "never fires: its months have no day 30. Give a day up to 29"),
    ("0 0 31 4,jun */2", "never fires: its months have no day 31. Give a day up to 30"),
    ("60 * * * *", r"minute '60': give 0 to 59, a range 0-59, a list 0,59, a step \*/2, or \*"),
    ("0 24 * * *", "hour '24': give 0 to 23"),
    ("0 0 0 * *", "day '0': give 1 to 31"),
    ("0 0 * 13 *", "month '13': give 1 to 12, names such as jan"),
    ("0 0 * * 8", "weekday '8': give 0 to 7, names such as sun"),
    ("0 0 * * funday", "weekday 'funday': give 0 to 7"),
    ("0 mon * * *", "hour 'mon': give 0 to 23"),
    ("0 0 L * *", "day 'L': give"),
    ("0 0 15W * *", "day '15W': give"),
    ("0 0 ? * 1", r"day '\?': give"),
    ("0 0 * * 5#2", "weekday '5#2': give"),
    ("1,,2 * * * *", "minute '': give"),
    ("-5 * * * *", "minute '-5': give"),
    ("0 9 * * 1;", "weekday '1;': give"),
    ("\u0663 * * * *", "minute '\u0663': give"),
    (f"{'9' * 5000} * * * *", "give 0 to 59"),
    ("@daily", r"nicknames are not known here. Write '0 0 \* \* \*' instead"),
    ("@Hourly", r"Write '0 \* \* \* \*' instead"),
    ("@yearly", r"Write '0 0 1 1 \*' instead"),
    ("@reboot", "Enqueue the job where your program starts"),
    ("@every 5m", r"or every=timedelta\(…\)"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[text[:20] for text, _ in REFUSED])
def test_anything_else_is_refused_with_its_cure(text: str, words: str) -> None:
    """The message says what to write instead, and ``cron()`` has the same to say."""
    with pytest.raises(InvalidOption, match=words) as refusal:
        parse(text)
    assert isinstance(refusal.value, ValueError)
    with pytest.raises(ValueError, match=words):
        cron(text)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("5/10", "5-59/10"),
        ("50/20", "50"),
        ("59/2", "59"),
        ("0-10/20", "0"),
        ("50-10", "50-59,0-10"),
        ("59-0", "59,0"),
    ],
)
def test_the_cure_cures(text: str, cure: str) -> None:
    """What is to be written instead is accepted."""
    with pytest.raises(InvalidOption, match=f"Write {cure} instead"):
        parse(f"{text} * * * *")
    assert parse(f"{cure} * * * *")


@pytest.mark.parametrize(("text", "cure"), [("7-1", "0-1"), ("sat-sun", "6,0"), ("7/2", "7")])
def test_the_cure_knows_both_sundays(text: str, cure: str) -> None:
    """A week ends on Saturday, though Sunday may be written 7."""
    with pytest.raises(InvalidOption, match=f"Write {cure} instead"):
        parse(f"0 0 * * {text}")
    assert parse(f"0 0 * * {cure}")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "cron=None is no cron string. Give five fields"),
        (5, "cron=5 is no cron string"),
        (every(5), r"or end the builder: every\(5\).minutes\(\)"),
        (weekly(), r"weekly\(\)\.on\('monday'\)"),
        (timedelta(minutes=5), r"timedelta\(seconds=300\) is an interval: write every="),
        (b"* * * * *", "can't be used as a cron string"),
    ],
)
def test_what_is_no_text_is_refused(given: Any, words: str) -> None:
    """A builder without an end and an interval are told from a cron string."""
    with pytest.raises(InvalidOption, match=words):
        parse(given)


@pytest.mark.parametrize("zone", ["UTC", PARIS, "America/Indiana/Knox", "EST", ZoneInfo(PARIS)])
def test_a_time_zone_has_an_iana_name(zone: object) -> None:
    """Names of the IANA list are taken, and a ZoneInfo for its name."""
    assert check_timezone(zone) == str(zone)
    assert parse("* * * * *", zone).timezone == str(zone)
    assert check_timezone(UTC) == "UTC"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("europe/paris", "Did you mean 'Europe/Paris'"),
        ("Europe/Pari", "Did you mean 'Europe/Paris'"),
        ("New York", "Did you mean 'America/New_York'"),
        ("Mars", "Give a name of the IANA list"),
        ("", "Give a name of the IANA list"),
        ("Europe", "is no time zone"),
        ("localtime", "is no time zone"),
        ("posix/UTC", "is no time zone"),
        ("../../etc/passwd", "is no time zone"),
        (None, "timezone=None is no time zone"),
        (timezone(timedelta(hours=2)), "is no time zone"),
    ],
)
def test_another_time_zone_is_refused(zone: object, words: str) -> None:
    """The message holds the nearest name."""
    with pytest.raises(InvalidOption, match=words):
        parse("* * * * *", zone)


@pytest.mark.parametrize(
    ("expression", "spring", "autumn"),
    [
        ("30 2 * * *", ["03:00+02"], ["02:30+02"]),
        ("0,30 2 * * *", ["03:00+02"], ["02:00+02", "02:30+02"]),
        ("0 3 * * *", ["03:00+02"], ["03:00+01"]),
        ("0 2-3 * * *", ["03:00+02"], ["02:00+02", "03:00+01"]),
        (
            "0 * * * *",
            ["00:00+01", "01:00+01", "03:00+02", "04:00+02"],
            ["00:00+02", "01:00+02", "02:00+02", "02:00+01", "03:00+01", "04:00+01"],
        ),
        (
            "*/30 1-3 * * *",
            ["01:00+01", "01:30+01", "03:00+02", "03:30+02"],
            [f"{hour}:{m}+{o}" for hour, o in NIGHT for m in ("00", "30")],
        ),
        ("*/15 2 * * *", [], [f"02:{m}+0{o}" for o in (2, 1) for m in ("00", "15", "30", "45")]),
    ],
)
def test_the_two_nights_of_paris(expression: str, spring: list[str], autumn: list[str]) -> None:
    """Particular times fire once, what is left out at 03:00; wildcards follow the clock."""
    crontab = parse(expression, PARIS)
    assert shown(crontab, SPRING, hours=3) == spring
    assert shown(crontab, AUTUMN, hours=5) == autumn


@pytest.mark.parametrize(
    ("zone", "expression", "start", "tick"),
    [
        # Half an hour is left out, or comes twice.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T15:00", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T14:46", "2026-04-05T15:15"),
        # Two hours are left out.
        ("Antarctica/Troll", "30 1 * * *", "2026-03-29T00:00", "2026-03-29T01:00"),
        # Midnight is left out.
        ("America/Sao_Paulo", "0 0 * * *", "2018-11-04T00:00", "2018-11-04T03:00"),
        # Friday, 30 December, is left out.
        ("Pacific/Apia", "0 9 * * fri", "2011-12-24T00:00", "2011-12-30T10:00"),
    ],
)
def test_odd_changes(zone: str, expression: str, start: str, tick: str) -> None:
    """However much is left out or comes twice, a particular time fires once."""
    assert parse(expression, zone).after(at(start)) == at(tick)


def test_in_the_hour_that_comes_twice_nothing_fires_again() -> None:
    """Asked during the second 02:10, a job at 02:30 waits for the next day."""
    crontab = parse("30 2 * * *", PARIS)
    assert crontab.after(at("2026-10-25T00:10")) == at("2026-10-25T00:30")
    assert crontab.after(at("2026-10-25T01:10")) == at("2026-10-26T01:30")


def test_a_tick_is_strictly_later() -> None:
    """A moment is not after itself, and one a microsecond earlier is."""
    crontab = parse("0 9 * * *")
    nine = at("2026-06-01T09:00")
    assert crontab.after(nine) == nine + timedelta(days=1)
    assert crontab.after(nine - timedelta(microseconds=1)) == nine
    assert crontab.after(nine + timedelta(microseconds=1)) == nine + timedelta(days=1)


def test_until_begins_after_its_start_and_holds_its_end() -> None:
    """A span of time holds its end, not its start, so that spans can follow one another."""
    crontab = parse("0 * * * *")
    nine, noon = at("2026-06-01T09:00"), at("2026-06-01T12:00")
    hours = [nine + timedelta(hours=hour) for hour in (1, 2, 3)]
    assert list(crontab.until(nine, noon)) == hours
    assert list(crontab.until(noon, nine)) == []
    assert crontab.latest(nine, noon) == noon
    assert crontab.latest(nine, noon - timedelta(seconds=1)) == hours[1]
    assert crontab.latest(nine, nine) is None


def test_latest_does_not_look_at_every_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty years of minutes cost about as many looks as one hour does."""
    looks = []
    after = Crontab.after
    monkeypatch.setattr(Crontab, "after", lambda *args: (looks.append(1), after(*args))[1])
    crontab = parse("* * * * *", PARIS)
    assert crontab.latest(at("1976-01-01"), at("2026-01-01T00:00:30")) == at("2026-01-01")
    assert len(looks) < 40


def test_days_by_date_and_by_weekday() -> None:
    """Both given, either will do; with a star at the beginning of one, both must match."""
    june = (at("2026-06-01") - timedelta(seconds=1), at("2026-06-30"))
    assert [tick.day for tick in parse("0 0 13 * 5").until(*june)] == [5, 12, 13, 19, 26]
    assert [tick.day for tick in parse("0 0 */2 * 5").until(*june)] == [5, 19]


def test_the_calendar_ends() -> None:
    """Where Python has no dates left, it says so."""
    with pytest.raises(OverflowError):
        parse("* * * * *").after(at("9998-12-31T23:59"))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0 */2 * * *", "Every 2 hours"),
        ("0 9 * * *", "At 09:00"),
        ("30 17 * * 1-5", "At 17:30, Monday through Friday"),
        ("0 0 * * sun,7", "At 00:00, only on Sunday"),
        ("0 9 * * wed,mon", "At 09:00, only on Monday and Wednesday"),
        ("0 12 15 * *", "At 12:00, on day 15 of the month"),
        ("0 0 1 jan *", "At 00:00, on day 1 of the month, only in January"),
        ("*,5 * * * *", "Every minute"),
        ("5,*/30 8 * * *", "At 0, 5, and 30 minutes past the hour, at 08:00"),
    ],
)
def test_a_crontab_in_words(expression: str, words: str) -> None:
    """A cron string is told in English, with hours up to 23, whatever the machine's language."""
    assert describe(parse(expression).expression) == words


def test_changes_of_a_year() -> None:
    """A year has its changes of the clocks, to the second, and its own end."""
    moments = [change.moment for change in zones.changes(ZoneInfo(PARIS), 2026)]
    expected = ["2026-03-29T01:00", "2026-10-25T01:00", "2027-01-01T00:00"]
    assert moments == [datetime.fromisoformat(moment) for moment in expected]
    assert len(zones.changes(ZoneInfo("UTC"), 2026)) == 1

"""What the five fields of a cron string may say; each refusal says what to write. Pure text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from soniq.errors import InvalidOption

EXAMPLE = "such as '0 9 * * 1' for Mondays at 09:00"
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# The days of each month, in the years that have most of them.
LENGTHS = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))
ITEM = re.compile(
    r"(?:\*|(?P<first>[0-9a-z]{1,4})(?:-(?P<last>[0-9a-z]{1,4}))?)(?:/(?P<step>[0-9]{1,4}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its values run from ``low`` to ``top``; a weekday may be written 7, too."""

    name: str
    low: int
    top: int
    interval: str
    names: tuple[str, ...] = ()
    high: int = 0

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.top - self.low + 1

    def values(self, text: str) -> frozenset[int]:
        """Return the values that a field stands for; Sunday is 0.

        Raises:
            ValueError: not a list of values, ranges and steps; the message says what to write.
        """
        written = {value for item in text.split(",") for value in self.span(item)}
        return frozenset(self.low + (value - self.low) % self.size for value in written)

    def span(self, item: str) -> range:
        """Return the values of one item of a list: a value, a range or a star, with its step."""
        match = ITEM.fullmatch(item)
        if match is None:
            raise self.refusal(item, self.usage())
        step = int(match["step"] or 1)
        if step == 0:
            raise self.refusal(item, "a step is 1 or more.")
        if match["first"] is None:
            full = range(self.low, self.top + 1)
            cure = self.interval.format(step)
        else:
            full = self.between(item, match["first"], match["last"], match["step"])
            cure = match["first"]
        if match["step"] and (step > len(full) or len(full) == 1):
            raise self.refusal(
                item, f"the step never gets to a second value. Write {cure} instead."
            )
        return full[::step]

    def between(self, item: str, first: str, last: str | None, step: str | None) -> range:
        """Return the values of ``first-last``, or of ``first`` alone."""
        begin = self.number(item, first)
        if last is None and step is not None:
            cure = f"{first}-{self.top}/{step}" if int(step) <= self.top - begin else first
            raise self.refusal(
                item, f"a step needs a range or a star before it. Write {cure} instead."
            )
        end = begin if last is None else self.number(item, last)
        if end < begin:
            spans = [(begin, self.top)] if begin <= self.top else []
            cure = ",".join(shortest(*span) for span in [*spans, (self.low, end)])
            raise self.refusal(item, f"a range can't run backwards. Write {cure} instead.")
        return range(begin, end + 1)

    def number(self, item: str, text: str) -> int:
        """Return the value of a number or name."""
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        if text.isdigit() and self.low <= int(text) <= max(self.top, self.high):
            return int(text)
        raise self.refusal(item, self.usage())

    def usage(self) -> str:
        """Say what this field may hold."""
        names = f", names such as {self.names[0]}" if self.names else ""
        low, top = self.low, self.top
        return (
            f"give {low} to {max(top, self.high)}{names}, a range {low}-{top}, "
            f"a list {low},{top}, a step */2, or * for all."
        )

    def refusal(self, item: str, reason: str) -> InvalidOption:
        """Return the error for an item of this field."""
        return InvalidOption(f"{self.name} {item!r}: {reason}")


FIELDS = (
    Field("minute", 0, 59, "every=timedelta(minutes={})"),
    Field("hour", 0, 23, "every=timedelta(hours={})"),
    Field("day", 1, 31, "every=timedelta(days={})"),
    Field("month", 1, 12, "every=timedelta(days=…)", MONTHS),
    Field("weekday", 0, 6, "every=timedelta(days={})", WEEKDAYS, high=7),
)


def check(text: str) -> str:
    """Return a cron string, checked, with single spaces between its fields.

    Raises:
        ValueError: standard cron would not take it, or it would never fire, or a step is larger
            than its range; the message says what to write.
    """
    fields = text.split()
    if text.strip().startswith("@"):
        raise refused(text, without_nickname(text.strip().lower()))
    if len(fields) != len(FIELDS):
        raise refused(text, miscounted(len(fields)))
    try:
        values = [field.values(written) for field, written in zip(FIELDS, fields, strict=True)]
    except InvalidOption as error:
        raise refused(text, str(error)) from None
    _, _, days, months, _ = values
    longest = max(LENGTHS[month] for month in months)
    if min(days) > longest and both_days(fields):
        reason = f"it never fires: its months have no day {min(days)}. Give a day up to {longest}."
        raise refused(text, reason)
    return " ".join(fields)


def both_days(fields: list[str]) -> bool:
    """Tell whether day and weekday must both match: one begins with a star. Else either will do."""
    _, _, day, _, weekday = fields
    return day.startswith("*") or weekday.startswith("*")


def refused(text: str, reason: str) -> InvalidOption:
    """Return the error for a whole cron string."""
    return InvalidOption(f"{text!r} can't be used as a cron string: {reason}")


def miscounted(count: int) -> str:
    """Say what a cron string with a wrong number of fields needs."""
    if count == len(FIELDS) + 1:
        return (
            "it has six fields. Give five fields, without seconds; "
            "for seconds write every=timedelta(seconds=…)."
        )
    return f"it has {count} of five fields. Give minute, hour, day, month, weekday, {EXAMPLE}."


def without_nickname(name: str) -> str:
    """Say what to write for ``@daily`` and the like."""
    if name in NICKNAMES:
        return f"nicknames are not known here. Write '{NICKNAMES[name]}' instead."
    if name == "@reboot":
        return "a start is no time. Enqueue the job where your program starts."
    return f"nicknames are not known here. Write five fields, {EXAMPLE}, or every=timedelta(…)."


def shortest(begin: int, end: int) -> str:
    """Write a range, or the one value that it holds."""
    return str(begin) if begin == end else f"{begin}-{end}"

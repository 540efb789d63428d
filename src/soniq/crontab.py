"""Placeholder until merged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from soniq.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Crontab:
    expression: str
    timezone: str = "UTC"

    def after(self, moment: datetime) -> datetime:
        from cronsim import CronSim

        return next(
            CronSim(self.expression, moment.astimezone(ZoneInfo(self.timezone)))
        ).astimezone(UTC)

    def until(self, start: datetime, end: datetime) -> Iterator[datetime]:
        while (start := self.after(start)) <= end:
            yield start

    def latest(self, start: datetime, end: datetime) -> datetime | None:
        last = None
        for last in self.until(start, end):
            pass
        return last


def parse(expression: object, timezone: str = "UTC") -> Crontab:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(str(expression), datetime.now(UTC))
    except CronSimError as e:
        raise InvalidOption(str(e)) from None
    return Crontab(str(expression), timezone)


def check_timezone(name: object) -> str:
    ZoneInfo(str(name))
    return str(name)


def describe(expression: str) -> str:
    return expression

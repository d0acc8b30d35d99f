"""When a schedule is due: rate, cron and at expressions.

Source: EventBridge Scheduler User Guide, schedule-types. Of cron: numbers, names, lists, ranges, steps, `*` and `?`,
and `L` for the last day of the month; not `W`, `#` and `L` of weekdays (refused).
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LONGEST_SEARCH = 366 * 8  # days: from one leap day to the next, over a century's end


class InvalidExpression(Exception):
    """No schedule expression, or none this sandbox knows."""


class Timetable(Protocol):
    """When a schedule is due."""

    def after(self, start: datetime) -> datetime | None:
        """The first time after `start`; None when there is none any more."""


@dataclass(frozen=True)
class Rate:
    """Again and again at the same distance, the first time at the anchor."""

    anchor: datetime
    seconds: int

    def after(self, start: datetime) -> datetime | None:
        """The anchor, or the next time that lies a whole number of distances after it."""
        if start < self.anchor:
            return self.anchor
        passed = (start - self.anchor) // timedelta(seconds=self.seconds)
        return self.anchor + timedelta(seconds=self.seconds * (passed + 1))


@dataclass(frozen=True)
class Once:
    """At one time."""

    when: datetime

    def after(self, start: datetime) -> datetime | None:
        """That time, until it is over."""
        return self.when if self.when > start else None


@dataclass(frozen=True)
class Cron:
    """On some days at some times, in a time zone. No set of days of the month, or of the week: any."""

    minutes: list[int]
    hours: list[int]
    days: set[int] | None
    months: set[int]
    weekdays: set[int] | None
    years: set[int]
    zone: tzinfo
    last_day: bool = False

    def after(self, start: datetime) -> datetime | None:
        """The first time after `start`, none more than eight years later."""
        local = start.astimezone(self.zone).date()
        days = (local + timedelta(days=ahead) for ahead in range(LONGEST_SEARCH))
        times = (time for day in days if self._on(day) for time in self._times(day))
        return next((time for time in times if time > start), None)

    def _on(self, day: date) -> bool:
        last = monthrange(day.year, day.month)[1]
        return (
            day.year in self.years
            and day.month in self.months
            and (self.days is None or day.day in self.days or (self.last_day and day.day == last))
            and (self.weekdays is None or day.isoweekday() % 7 + 1 in self.weekdays)
        )

    def _times(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone).astimezone(UTC)


def parse(expression: str, zone_name: str, anchor: datetime) -> Timetable:
    """The timetable of an expression. A rate counts from the anchor. Raises InvalidExpression."""
    found = re.fullmatch(r"(rate|cron|at)\((.+)\)", expression)
    if found is None:
        raise InvalidExpression(f"Invalid Schedule Expression {expression}.")
    try:
        zone = ZoneInfo(zone_name)
        if found[1] == "at":
            return Once(datetime.fromisoformat(found[2]).replace(tzinfo=zone).astimezone(UTC))
        return _rate(found[2], anchor) if found[1] == "rate" else _cron(found[2].split(), zone)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise InvalidExpression(f"Invalid Schedule Expression {expression}: {error}") from error


def _rate(text: str, anchor: datetime) -> Rate:
    found = re.fullmatch(r"([1-9]\d*) (minute|hour|day)s?", text)
    if found is None:
        raise ValueError(f"{text} is no rate")
    return Rate(anchor, int(found[1]) * SECONDS[found[2]])


def _cron(fields: list[str], zone: tzinfo) -> Cron:
    if len(fields) != 6 or [fields[2], fields[4]].count("?") != 1:
        raise ValueError("six fields, and `?` in one of the two for days")
    minutes, hours, days, months, weekdays, years = fields
    return Cron(
        minutes=sorted(_numbers(minutes, 0, 59)),
        hours=sorted(_numbers(hours, 0, 23)),
        days=None if days == "?" else set() if days == "L" else _numbers(days, 1, 31),
        months=_numbers(months, 1, 12, MONTHS),
        weekdays=None if weekdays == "?" else _numbers(weekdays, 1, 7, WEEKDAYS),
        years=_numbers(years, 1970, 2199),
        zone=zone,
        last_day=days == "L",
    )


def _numbers(field: str, least: int, most: int, names: tuple[str, ...] = ()) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        whole, _, step = part.partition("/")
        first, _, last = whole.partition("-")
        start = least if first == "*" else _number(first, names)
        end = most if first == "*" or (step and not last) else _number(last or first, names)
        if not least <= start <= end <= most:
            raise ValueError(f"{part} is not within {least} and {most}")
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, names: tuple[str, ...]) -> int:
    return names.index(text.upper()) + 1 if text.upper() in names else int(text)

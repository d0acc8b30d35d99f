"""What was measured: for each series of numbers one set of statistics a minute, as CloudWatch keeps them.

Source: CloudWatch User Guide, cloudwatch_concepts (a metric is its namespace, name and dimensions; one minute is the
standard resolution; a statistic set has the sample count, sum, minimum and maximum).
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.aws.clock import Clock

MINUTE = 60


@dataclass(frozen=True)
class Series:
    """One metric of one account and Region."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, place: tuple[str, str], namespace: str, name: str, dimensions: Mapping[str, str]) -> Series:
        """The series of an account and Region (`place`)."""
        return cls(*place, namespace, name, frozenset(dimensions.items()))

    @property
    def listed_dimensions(self) -> list[dict[str, str]]:
        """As the API lists them."""
        return [{"Name": name, "Value": value} for name, value in sorted(self.dimensions)]


@dataclass
class Statistics:
    """What is known of some values."""

    count: float = 0.0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    last: float = 0.0

    def add(self, other: Statistics) -> None:
        """Take in other values."""
        self.count, self.total = self.count + other.count, self.total + other.total
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        self.last = other.last

    def value(self, statistic: str) -> float:
        """One statistic by CloudWatch's name for it."""
        average = self.total / self.count if self.count else 0.0
        known = {"Sum": self.total, "Maximum": self.most, "Minimum": self.least, "SampleCount": self.count}
        return {**known, "Average": average}[statistic]


@dataclass
class History:
    """The minutes of one series that have values."""

    minutes: list[int] = field(default_factory=list)
    values: dict[int, Statistics] = field(default_factory=dict)

    def add(self, minute: int, statistics: Statistics) -> None:
        """Take in values of a minute."""
        if minute not in self.values:
            insort(self.minutes, minute)
            self.values[minute] = Statistics()
        self.values[minute].add(statistics)

    def between(self, start: int, end: int) -> list[int]:
        """The minutes with values from start to before end."""
        return self.minutes[bisect_left(self.minutes, start) : bisect_left(self.minutes, end)]


class Metrics:
    """Every series. `watchers` are called with the series that has a new value."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._histories: dict[Series, History] = {}
        self._lock = threading.Lock()
        self.watchers: list[Callable[[Series], None]] = []

    def put(self, series: Series, value: float, *, times: float = 1.0, at: datetime | None = None) -> None:
        """One value, or the same value some times over; now, unless it was at another time."""
        self.take(series, Statistics(times, value * times, value, value, value), at)

    def take(self, series: Series, statistics: Statistics, at: datetime | None = None) -> None:
        """Values of one minute."""
        second = int((at or self._clock.now()).timestamp())
        with self._lock:
            self._histories.setdefault(series, History()).add(second - second % MINUTE, statistics)
        for watcher in self.watchers:
            watcher(series)

    def between(self, series: Series, start: float, end: float) -> Statistics | None:
        """What is known of the time from start to before end (seconds since 1970); None without values."""
        with self._lock:
            history = self._histories.get(series)
            minutes = history.between(int(start), int(end)) if history else []
            found = Statistics()
            for minute in minutes:
                found.add(history.values[minute])  # type: ignore[union-attr]  # minutes come from it
        return found if minutes else None

    def last_before(self, series: Series, end: float) -> float:
        """The last value of the time before end; 0 when there is none."""
        with self._lock:
            history = self._histories.get(series)
            before = history.between(0, int(end)) if history else []
            return history.values[before[-1]].last if history and before else 0.0

    def minutes(self, series: Series, start: float, end: float) -> list[int]:
        """The minutes with values in that time, as seconds since 1970."""
        with self._lock:
            history = self._histories.get(series)
            return history.between(int(start), int(end)) if history else []

    def all(self) -> Iterable[Series]:
        """Every series that ever had a value."""
        with self._lock:
            return list(self._histories)

    def datapoints(self, namespace: str, name: str, **dimensions: str) -> list[tuple[datetime, Statistics]]:
        """The minutes of every series of that name with exactly these dimensions, oldest first."""
        wanted = namespace, name, frozenset(dimensions.items())
        found = [series for series in self.all() if (series.namespace, series.name, series.dimensions) == wanted]
        with self._lock:
            rows = [
                (minute, self._histories[each].values[minute])
                for each in found
                for minute in self._histories[each].minutes
            ]
        return [
            (datetime.fromtimestamp(minute, UTC), values) for minute, values in sorted(rows, key=lambda row: row[0])
        ]

    def sum(self, namespace: str, name: str, **dimensions: str) -> float:
        """The sum of all their values."""
        return sum(values.total for _, values in self.datapoints(namespace, name, **dimensions))

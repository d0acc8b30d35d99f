"""Which alarm watches which series, and when each alarm is looked at next."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.aws.clock import Clock
    from sandbox.aws.services.cloudwatch.definition import Key
    from sandbox.aws.services.cloudwatch.metrics import Series
    from sandbox.aws.timer_queue import Timer


class EvaluationTimers:
    """One timer on the clock for each alarm that has something to look at; none for the others."""

    def __init__(self, clock: Clock, evaluate: Callable[[Key], None]) -> None:
        self._clock, self._evaluate = clock, evaluate
        self._lock = threading.RLock()
        self._due: dict[Key, Timer] = {}
        self._series: dict[Key, Series] = {}
        self._keys: dict[Series, set[Key]] = {}

    @property
    def keys(self) -> list[Key]:
        """Every alarm, in order."""
        with self._lock:
            return sorted(self._series)

    def watch(self, key: Key, series: Series) -> None:
        """From now on this alarm watches that series, and no other."""
        with self._lock:
            self.forget(key)
            self._series[key] = series
            self._keys.setdefault(series, set()).add(key)

    def forget(self, key: Key) -> None:
        """There is no such alarm any more."""
        with self._lock:
            if series := self._series.pop(key, None):
                self._keys[series].discard(key)
            if timer := self._due.pop(key, None):
                timer.cancel()

    def of(self, series: Series) -> list[Key]:
        """The alarms that watch it."""
        with self._lock:
            return sorted(self._keys.get(series, ()))

    def watched(self, account: str, region: str, namespace: str) -> list[Series]:
        """What is watched there."""
        with self._lock:
            where = account, region, namespace
            return [
                each
                for each, keys in self._keys.items()
                if keys and (each.account, each.region, each.namespace) == where
            ]

    def evaluate_at(self, key: Key, when: datetime) -> None:
        """Look at the alarm then, unless that is done earlier anyway."""
        with self._lock:
            timer = self._due.get(key)
            if timer is not None and timer.when <= when:
                return
            if timer is not None:
                timer.cancel()
            name = f"CloudWatch: alarm {key[2]}"
            self._due[key] = self._clock.call_at(when, lambda: self._begin(key), name, background=True)

    def _begin(self, key: Key) -> None:
        with self._lock:
            self._due.pop(key, None)
        self._evaluate(key)

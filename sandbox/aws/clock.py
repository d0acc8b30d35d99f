"""One clock: every wait, retry, timeout, schedule and duration of the sandbox asks it what time it is."""

import itertools
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sandbox.aws.timer_queue import Timer, TimerQueue

Action = Callable[[], object]
LONGEST_NAP = 86_400.0  # real seconds: below what a lock's timeout can hold
LONGEST_HOLD = 10.0  # real seconds: so long time stands still for work of which nothing begins or ends


class DidNotSettle(Exception):
    """Something still runs although the clock waited for it; `running` are its names, and so says the message."""

    def __init__(self, message: str, running: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.running = tuple(running)


class ActionFailed(Exception):
    """Actions raised: `failed` are their names and exceptions. The first is the cause; all are in `clock.failures`."""

    def __init__(self, failed: Sequence[tuple[str, Exception]]) -> None:
        super().__init__("; ".join(f"{name}: {failure!r}" for name, failure in failed))
        self.failed = tuple(failed)


@dataclass(frozen=True)
class Advance:
    """What an advance did: the time it reached, how many timers came due, what still runs (names).

    `remaining` are the virtual seconds for which its real time was not enough.
    """

    now: datetime
    fired: int
    running: tuple[str, ...]
    remaining: float = 0.0


class _NotYet(Exception):
    """No time left to wait, while this runs."""

    def __init__(self, running: list[str]) -> None:
        super().__init__()
        self.running = running


class Clock(ABC):
    """What both clocks share: the timers, and the failures, none of which vanishes."""

    def __init__(self, shuffle: Random | None = None) -> None:
        self.failures: list[tuple[str, Exception]] = []
        self._reported = 0
        self._timers = TimerQueue(shuffle)
        self._changed = threading.Condition(threading.RLock())

    @abstractmethod
    def now(self) -> datetime:
        """The virtual time, aware, in UTC."""

    @abstractmethod
    def submit(self, action: Action, name: str) -> None:
        """Run the action as soon as possible."""

    def call_at(self, when: datetime, action: Action, name: str, *, background: bool = False) -> Timer:
        """Run the action at that virtual time, or as soon as possible when it is past.

        In the background: what comes again and again (schedules, periodic evaluations) and is nobody's work in hand.
        """
        with self._changed:
            timer = self._timers.add(when, action, name, background=background)
            if timer is self._timers.first():  # the others change nothing for whoever waits
                self._changed.notify_all()
            return timer

    def call_later(self, seconds: float, action: Action, name: str, *, background: bool = False) -> Timer:
        """Run the action after so many virtual seconds."""
        return self.call_at(self.now() + timedelta(seconds=seconds), action, name, background=background)

    def _perform(self, action: Action, name: str) -> None:
        try:
            action()
        except Exception as failure:  # noqa: BLE001 - kept, and raised by whoever waits for the clock
            self.failures.append((name, failure))

    def _raise_failures(self) -> None:
        fresh = self.failures[self._reported :]
        self._reported += len(fresh)
        if fresh:
            raise ActionFailed(fresh) from fresh[0][1]


class VirtualClock(Clock):
    """Time for simulations: one thread, and time jumps from one timer to the next.

    With a `shuffle`, actions of the same time run in a random order drawn from it: an interleaving per seed.
    """

    def __init__(self, start: datetime, shuffle: Random | None = None) -> None:
        super().__init__(shuffle)
        self._now = start

    def now(self) -> datetime:
        """The time of the action that runs."""
        return self._now

    def submit(self, action: Action, name: str) -> None:
        """Run the action at the present time, after those that were asked for earlier."""
        self.call_at(self._now, action, name)

    def shuffle(self, random: Random) -> None:
        """From now on, draw the order of actions of the same time from it."""
        self._timers.shuffle(random)

    def run(self, until: datetime | None = None, limit: int = 1_000_000) -> int:
        """Run what is due, in order, until nothing is left or the time is reached; count the actions run.

        Without a time to reach, what is left in the background does not count as left. An action may itself run the
        clock: that is how it stands still while everything else goes on.
        Raises `ActionFailed` right after the action that failed, `DidNotSettle` after `limit` actions.
        """
        for count in range(limit):
            timer = self._take_due(until)
            if timer is None:
                self._now = max(self._now, until or self._now)
                return count
            self._now = max(self._now, timer.when)
            self._perform(timer.run, timer.name)
            self._raise_failures()
        left = self._timers.first()
        raise DidNotSettle(f"{limit} actions were not enough; next: {left.name if left else 'nothing'}")

    def step(self) -> bool:
        """Run one action that is due now; False when none is. For an action that lets others go first."""
        timer = self._timers.take_due(self._now)
        if timer:
            self._perform(timer.run, timer.name)
            self._raise_failures()
        return timer is not None

    def _take_due(self, until: datetime | None) -> Timer | None:
        if until is not None:
            return self._timers.take_due(until)
        first = self._timers.first()
        if first is None or (first.background and not self._timers.has_work()):
            return None
        return self._timers.take_due(first.when)


class ScaledClock(Clock):
    """Time for the running sandbox: real time, up to `speed` times as fast, plus what was advanced by hand.

    Time stands still while there is work in hand, so that computing takes none of it: a busy machine makes time slower
    and no lease, heartbeat or time limit shorter. Work that stands still itself holds time for `LONGEST_HOLD` only.
    A scheduler thread hands what is due to a pool of workers. At speed 0 time moves only by `advance`.
    """

    def __init__(self, start: datetime, speed: float = 1.0, workers: int = 8) -> None:
        super().__init__()
        self._speed = speed
        self._base, self._anchor = start, time.monotonic()
        self._held_at: datetime | None = None
        self._running: dict[int, str] = {}
        self._ended = 0
        self._numbers = itertools.count()
        self._jobs: queue.SimpleQueue[tuple[int, Action, str] | None] = queue.SimpleQueue()
        self._advancing = threading.Lock()
        self._closed = False
        self._workers = [_start(self._work, f"clock worker {number}") for number in range(workers)]
        _start(self._schedule, "clock scheduler")

    def now(self) -> datetime:
        """The virtual time; it stands still between the timers of an advance."""
        with self._changed:
            hold = LONGEST_HOLD if self._running else 0.0
            elapsed = max(time.monotonic() - self._anchor - hold, 0.0) * self._speed
            return self._held_at or self._base + timedelta(seconds=elapsed)

    def submit(self, action: Action, name: str) -> None:
        """Hand the action to the workers; it counts as running from now on."""
        with self._changed:
            self._start_anew()
            number = next(self._numbers)
            self._running[number] = name
            self._jobs.put((number, action, name))

    def advance(self, seconds: float, patience: float = 60.0) -> Advance:
        """Move virtual time on, from due timer to due timer; at each, wait until nothing runs any more.

        So actions see exactly the time they asked for. `patience` is real seconds for the whole advance; after them it
        answers how far it came, unless no action has ended in them. Raises `DidNotSettle` or `ActionFailed`.
        """
        deadline, fired = time.monotonic() + patience, 0
        with self._advancing:
            self._hold_at(self.now())
            target, ended = self.now() + timedelta(seconds=seconds), self._ended
            try:
                for count in self._advance_to(target, deadline):
                    fired += count
            except _NotYet as stopped:
                if self._ended == ended:
                    raise DidNotSettle(f"Still running: {', '.join(stopped.running)}", stopped.running) from stopped
            finally:
                remaining = (target - self.now()).total_seconds()
                self._resume()
        self._raise_failures()
        with self._changed:
            return Advance(self.now(), fired, tuple(self._running.values()), remaining)

    def settle(self, patience: float = 60.0) -> None:
        """Wait (`patience` in real seconds) until nothing runs and nothing is due now; raise what failed."""
        try:
            self._wait_until_idle(time.monotonic() + patience)
        except _NotYet as stopped:
            raise DidNotSettle(f"Still running: {', '.join(stopped.running)}", stopped.running) from stopped
        self._raise_failures()

    def close(self) -> None:
        """Stop the threads; what waits never runs."""
        with self._changed:
            self._closed = True
            self._timers.clear()
            self._changed.notify_all()
        for _ in self._workers:
            self._jobs.put(None)

    def _advance_to(self, target: datetime, deadline: float) -> Iterator[int]:
        """How many timers came due at each moment, as time goes on."""
        self._wait_until_idle(deadline)
        while timer := self._first_until(target):
            self._hold_at(max(self.now(), timer.when))
            yield self._hand_over_due()
            self._wait_until_idle(deadline)
        self._hold_at(target)

    def _hold_at(self, at: datetime) -> None:
        with self._changed:
            self._held_at = at

    def _resume(self) -> None:
        with self._changed:
            self._start_anew()
            self._held_at = None
            self._changed.notify_all()

    def _start_anew(self) -> None:
        """Count from this moment on how far time is."""
        self._base, self._anchor = self.now(), time.monotonic()

    def _wait_until_idle(self, deadline: float) -> None:
        if threading.current_thread() in self._workers:
            raise RuntimeError("An action of the clock cannot wait until all actions have ended: it is one.")
        with self._changed:
            while busy := self._busy():
                if not self._changed.wait(deadline - time.monotonic()):
                    raise _NotYet(busy)

    def _busy(self) -> list[str]:
        due = None if self._held_at else self._first_until(self.now())
        return [*self._running.values(), *([due.name] if due else [])]

    def _first_until(self, target: datetime) -> Timer | None:
        with self._changed:
            timer = self._timers.first()
            return timer if timer and timer.when <= target else None

    def _hand_over_due(self) -> int:
        with self._changed:
            fired = 0
            while timer := self._timers.take_due(self.now()):
                self.submit(timer.run, timer.name)
                fired += 1
            return fired

    def _schedule(self) -> None:
        with self._changed:
            while not self._closed:
                if self._held_at is None:
                    self._hand_over_due()
                self._changed.wait(self._real_seconds_to_next())

    def _real_seconds_to_next(self) -> float | None:
        timer = self._timers.first()
        if timer is None or self._held_at or not self._speed:
            return None
        wait = (timer.when - self.now()).total_seconds() / self._speed + (LONGEST_HOLD if self._running else 0.0)
        return min(max(wait, 0.0), LONGEST_NAP)

    def _work(self) -> None:
        while job := self._jobs.get():
            number, action, name = job
            self._perform(action, name)
            with self._changed:
                self._start_anew()
                del self._running[number]
                self._ended += 1
                if not self._running:
                    self._changed.notify_all()


def _start(target: Action, name: str) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread

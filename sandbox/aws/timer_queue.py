"""What a clock still has to do: actions with their times, soonest first."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random


@dataclass(order=True)
class Timer:
    """An action that waits for its time. Ordered by time, then by who asked first.

    A background one keeps no clock running: it comes due while others do, or when somebody lets time pass.
    """

    when: datetime
    order: float
    action: Callable[[], object] = field(compare=False)
    name: str = field(compare=False)
    background: bool = field(default=False, compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Never run the action; without effect once it has begun."""
        self.cancelled = True
        self.action = int  # does nothing, and holds nothing until the time comes

    def run(self) -> None:
        """Run the action, unless somebody cancelled it."""
        if not self.cancelled:
            self.action()


class TimerQueue:
    """The timers to come. With a `shuffle`, those of the same time come in a random order drawn from it."""

    def __init__(self, shuffle: Random | None = None) -> None:
        self._heap: list[Timer] = []
        self._order = shuffle.random if shuffle else itertools.count().__next__

    def shuffle(self, random: Random) -> None:
        """From now on, timers of the same time come in a random order; those that wait already come after them."""
        self._order = random.random

    def add(self, when: datetime, action: Callable[[], object], name: str, *, background: bool = False) -> Timer:
        """Write the action down."""
        timer = Timer(when, self._order(), action, name, background)
        heapq.heappush(self._heap, timer)
        return timer

    def first(self) -> Timer | None:
        """The next timer that nobody cancelled."""
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def take_due(self, until: datetime) -> Timer | None:
        """Take the next timer out, if it is due by then."""
        timer = self.first()
        return heapq.heappop(self._heap) if timer and timer.when <= until else None

    def has_work(self) -> bool:
        """Whether anything is left that is not in the background."""
        return any(not (timer.background or timer.cancelled) for timer in self._heap)

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()

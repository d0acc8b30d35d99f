"""Every order in which concurrent actors can make their calls, each tried once; and every place one can die.

Actors are threads of which one runs at a time: each stops before a call to a shared port and a schedule says who
goes on. `explore` runs a scenario again and again until no untried choice is left.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


class Died(BaseException):
    """What a killed process does: nothing more, not even its clean-up."""


@dataclass
class Schedule:
    """Choices: those of a prefix to try again first, then always the first alternative."""

    prefix: list[int]
    taken: list[tuple[int, int]] = field(default_factory=list)

    def choose(self, alternatives: int) -> int:
        """The number of the alternative to take here."""
        place = len(self.taken)
        choice = self.prefix[place] if place < len(self.prefix) else 0
        self.taken.append((choice, alternatives))
        return choice

    def next_prefix(self) -> list[int] | None:
        """The choices of the next schedule not tried yet; None after the last."""
        left = list(self.taken)
        while left and left[-1][0] + 1 == left[-1][1]:
            left.pop()
        return [*(choice for choice, _ in left[:-1]), left[-1][0] + 1] if left else None


class Actor:
    """One thread that waits for its turn before each call."""

    def __init__(self, name: str, work: Callable[["Actor"], None], stopped: threading.Semaphore) -> None:
        self.name, self._work, self._stopped = name, work, stopped
        self._turn = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.ready: Callable[[], bool] = lambda: True
        self.dead = self.done = False
        self.problem: Exception | None = None

    def start(self) -> None:
        """Run up to the first call."""
        self._thread.start()
        self._stopped.acquire()

    def go_on(self, *, die: bool = False) -> None:
        """Make the call this actor stopped before (or die instead) and run up to the next."""
        self.dead = die
        self._turn.release()
        self._stopped.acquire()

    def wait(self, ready: Callable[[], bool] = lambda: True) -> None:
        """Stop here until the schedule says go; it will not before `ready`."""
        self.ready = ready
        if not self.dead:
            self._stopped.release()
            self._turn.acquire()
        if self.dead:
            raise Died

    def join(self) -> None:
        """End the thread."""
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            self.wait()
            self._work(self)
        except Died:
            pass
        except Exception as problem:  # noqa: BLE001 - handed to the test's own thread
            self.problem = problem
        self.done = True
        self._stopped.release()


class Stepping:
    """A port whose calls of these names wait for their turn."""

    def __init__(self, port: Any, calls: tuple[str, ...], actor: Actor) -> None:
        self._port, self._calls, self._actor = port, calls, actor

    def __getattr__(self, name: str) -> Any:
        """The port's own attribute; a named call stops first."""
        if name in self._calls:
            self._actor.wait()
        return getattr(self._port, name)


def interleave(schedule: Schedule, works: dict[str, Callable[[Actor], None]], deaths: int) -> dict[str, Actor]:
    """Run actors to their ends in the order of a schedule; at most so many die on the way."""
    stopped = threading.Semaphore(0)
    actors = {name: Actor(name, work, stopped) for name, work in works.items()}
    for actor in actors.values():
        actor.start()
    with _joining(actors):
        while running := [actor for actor in actors.values() if not actor.done]:
            able = [actor for actor in running if actor.ready()]
            assert able, f"{' and '.join(actor.name for actor in running)} wait for ever"
            mortal = able if deaths else []
            choice = schedule.choose(len(able) + len(mortal))
            deaths -= choice >= len(able)
            [*able, *mortal][choice].go_on(die=choice >= len(able))
    return actors


@contextmanager
def _joining(actors: dict[str, Actor]) -> Iterator[None]:
    try:
        yield
    finally:
        for actor in actors.values():
            if not actor.done:
                actor.go_on(die=True)
            actor.join()


def explore(scenario: Callable[[Schedule], None]) -> int:
    """Try a scenario under every schedule; answers how many there were."""
    prefix: list[int] | None = []
    count = 0
    while prefix is not None:
        schedule = Schedule(prefix)
        scenario(schedule)
        count += 1
        prefix = schedule.next_prefix()
    return count

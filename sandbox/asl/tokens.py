"""Task tokens: which task waits for which, so that whoever holds one can answer, from any thread; and heartbeats."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.agenda import Moment
    from sandbox.asl.execution import Execution
    from sandbox.asl.strands import Strand
    from sandbox.clock import Clock


class TokenClosed(Exception):
    """The task of this token waits no more: it ended, timed out, is tried again, or its execution is over."""


class Tokens:
    """Every token given out, and where its task waits. Whether it still does, its strand knows."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Strand, int]] = {}

    def give(self, token: str, strand: "Strand", ticket: int) -> None:
        """Remember that the effect with this ticket waits for that token."""
        self._waiting[token] = (strand, ticket)

    def execution(self, token: str) -> "Execution | None":
        """Whose token that is; None if nobody ever gave it out."""
        found = self._waiting.get(token)
        return found[0].course.execution if found else None

    def answer(self, token: str, answer: Any) -> None:
        """Give the task its result, or a `TaskFailed`. Raises `TokenClosed`, or KeyError for an unknown token."""
        strand, ticket = self._waiting[token]
        if not strand.hand_in(ticket, answer):
            raise TokenClosed

    def beat(self, token: str) -> None:
        """The task is still worked on: count anew. Raises `TokenClosed`, or KeyError for an unknown token."""
        strand, ticket = self._waiting[token]
        if not strand.beat(ticket):
            raise TokenClosed


class Heart:
    """The heartbeat of one task: if it is not begun anew in time, the task has missed it."""

    def __init__(self, clock: "Clock", seconds: float, missed: Callable[[], object], name: str) -> None:
        self._clock, self._seconds, self._missed, self._name = clock, seconds, missed, name
        self._end: Moment | None = None

    def begin(self) -> None:
        """Count from now."""
        self.stop()
        self._end = self._clock.call_later(self._seconds, self._missed, f"{self._name}: heartbeat")

    def stop(self) -> None:
        """Count no more."""
        if self._end:
            self._end.cancel()

"""Task tokens: which task waits for which, so that whoever holds one can answer, from any thread; and heartbeats."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.aws.asl.execution import Execution
from sandbox.aws.clock import Clock

if TYPE_CHECKING:
    from sandbox.aws.timer_queue import Timer


class WaitingTask(Protocol):
    """Where the task of a token waits. A ticket is one attempt of it."""

    def complete(self, ticket: int, answer: Any) -> bool:
        """Take this answer; False when it is too late."""

    def heartbeat(self, ticket: int) -> bool:
        """Take this heartbeat; False when it is too late."""


class TokenClosed(Exception):
    """The task of this token waits no more: it ended, timed out, is tried again, or its execution is over."""


class Tokens:
    """Every token given out, and where its task waits. Whether it still does, its branch knows."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Execution, WaitingTask, int]] = {}

    def register(self, token: str, execution: Execution, task: WaitingTask, ticket: int) -> None:
        """Remember that the effect with this ticket waits for that token."""
        self._waiting[token] = (execution, task, ticket)

    def execution(self, token: str) -> Execution | None:
        """Whose token that is; None if nobody ever gave it out."""
        found = self._waiting.get(token)
        return found[0] if found else None

    def answer(self, token: str, answer: Any) -> None:
        """Give the task its result, or a `TaskFailed`. Raises `TokenClosed`, or KeyError for an unknown token."""
        _, task, ticket = self._waiting[token]
        if not task.complete(ticket, answer):
            raise TokenClosed

    def heartbeat(self, token: str) -> None:
        """The task is still worked on: count anew. Raises `TokenClosed`, or KeyError for an unknown token."""
        _, task, ticket = self._waiting[token]
        if not task.heartbeat(ticket):
            raise TokenClosed


class HeartbeatTimer:
    """The heartbeat of one task: if it is not begun anew in time, the task has missed it."""

    def __init__(self, clock: Clock, seconds: float, missed: Callable[[], object], name: str) -> None:
        self._clock, self._seconds, self._missed, self._name = clock, seconds, missed, name
        self._end: Timer | None = None

    def begin(self) -> None:
        """Count from now."""
        self.stop()
        self._end = self._clock.call_later(self._seconds, self._missed, f"{self._name}: heartbeat")

    def stop(self) -> None:
        """Count no more."""
        if self._end:
            self._end.cancel()

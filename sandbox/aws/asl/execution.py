"""What is known of one execution: its status, its history, and who listens."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sandbox.aws.asl.effects import Call, Effect, Entered, Invoke


class Killed(Exception):
    """Raised by a `before_effect` hook: the execution stops at once, as if the service had lost it."""


class Running(Protocol):
    """The run behind an execution, for whoever ends it or waits for its end."""

    def end(self, status: str, error: str | None = None, cause: str | None = None, output: Any = None) -> None:
        """End the execution; only the first end counts."""

    def when_ended(self, action: Callable[[], object]) -> None:
        """Do that when the execution is over, as an action of its own on the clock."""


@dataclass(frozen=True)
class Delayed:
    """What a task answers when its answer (or `TaskFailed`) arrives so many virtual seconds later."""

    seconds: float
    answer: Any


class Pending(ABC):
    """What a task answers when somebody else decides when its answer comes."""

    @abstractmethod
    def begin(self, done: Callable[[Any], object]) -> None:
        """Hand the answer (or `TaskFailed`) to `done` once it is there."""

    @abstractmethod
    def time_out(self) -> None:
        """The task's own time limit is over: nobody waits for the answer any more."""

    @abstractmethod
    def abandon(self) -> None:
        """The task's execution, or the Map around it, is over: nobody waits for the answer any more."""


@dataclass(frozen=True)
class Ended:
    """The last line of a history."""

    status: str
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True)
class Event:
    """One line of a history; `iteration` holds the indexes within the Maps around it, outermost first."""

    at: datetime
    what: Effect | Ended
    iteration: tuple[int, ...] = ()


@dataclass(eq=False)
class Execution:
    """One run of a state machine, as DescribeExecution and GetExecutionHistory would tell it.

    `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `effects` counts what it asked of the world.
    Listeners are called with every line of the history as it is written; `seed` decides the jitter of its retries.
    """

    arn: str
    name: str
    input: Any
    machine_arn: str = ""
    machine_name: str = ""
    role_arn: str = ""
    seed: int = 0
    listeners: list["Listener"] = field(default_factory=list)
    status: str = "RUNNING"
    output: Any = None
    error: str | None = None
    cause: str | None = None
    started: datetime | None = None
    stopped: datetime | None = None
    effects: int = 0
    history: list[Event] = field(default_factory=list)
    run: Running | None = field(default=None, repr=False)

    @property
    def path(self) -> list[str]:
        """The names of the states entered, in order."""
        return [event.what.state for event in self.history if isinstance(event.what, Entered)]


Tasks = Callable[[Execution, Invoke | Call], Any]
Hook = Callable[[Execution, Effect], None]
Listener = Callable[[Execution, Effect | Ended], None]

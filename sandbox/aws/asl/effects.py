"""What a running state machine asks of its surroundings, what it reports about itself, and how it fails."""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Task:
    """A task state wants its integration called; answer with the result, or throw `TaskFailed`.

    With a `token`, the result is not what the integration answers but what comes back with the token.
    """

    state: str
    resource: str
    arguments: Any
    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None
    token: str | None = None


class Invoke(Task):
    """A Lambda function is to be invoked; the answer is what the function returned (the payload)."""


class Call(Task):
    """Any other integration is to be called, such as `arn:aws:states:::dynamodb:updateItem`."""


@dataclass(frozen=True)
class Wait:
    """Nothing happens until then. `reason` is `wait` for a Wait state, `retry` before another attempt."""

    state: str
    until: datetime
    reason: str = "wait"


@dataclass(frozen=True)
class Fork:
    """A Map runs its branches, at most so many at once (0: all); the answer is the list of their outputs."""

    state: str
    branches: tuple[Callable[[], "Run"], ...]
    max_concurrency: int = 0


@dataclass(frozen=True)
class Entered:
    """Notice: a state begins."""

    state: str
    input: Any


@dataclass(frozen=True)
class Failed:
    """Notice: an attempt of a state failed; Retry, Catch or the end of the execution follows."""

    state: str
    error: str | None
    cause: str | None


@dataclass(frozen=True)
class Exited:
    """Notice: a state is over."""

    state: str
    output: Any


Notice = Entered | Failed | Exited
Effect = Invoke | Call | Wait | Fork | Notice
Run = Generator[Effect, Any, Any]


class StateError(Exception):
    """A state failed, with the error name and the cause that Retry and Catch see."""

    also: str | None = None  # another name that Retry and Catch may know the error by

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


class TaskFailed(StateError):
    """What a driver throws into a machine when a task, a branch or a time limit failed."""

    @classmethod
    def of_function(cls, payload: Mapping[str, Any]) -> "TaskFailed":
        """A function's error as Step Functions reports it: named by errorType, the payload as the cause."""
        return cls(str(payload.get("errorType", "Exception")), json.dumps(payload, separators=(",", ":")))


class HeartbeatMissed(TaskFailed):
    """No heartbeat came in time: AWS reports States.Timeout, and Retry and Catch know both names."""

    also = "States.HeartbeatTimeout"

    def __init__(self) -> None:
        super().__init__("States.Timeout")


class ExecutionFailed(StateError):
    """The run is over: a Fail state, or an error that nothing retried or caught."""

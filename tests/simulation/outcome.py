"""What two engines are compared by: how an execution ended, which way it took, what it asked of the world."""

import copy
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.asl.effects import TaskFailed

MACHINE, EXECUTION = "machine", "execution"
MACHINE_ARN = f"arn:aws:states:us-east-1:123456789012:stateMachine:{MACHINE}"
EXECUTION_ARN = f"arn:aws:states:us-east-1:123456789012:execution:{MACHINE}:{EXECUTION}"
ROLE = "arn:aws:iam::123456789012:role/machine"
LAMBDA = "arn:aws:states:::lambda:invoke"
# A time; its digits alone; the seconds since 1970.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)|\b20\d{12,22}\b|\b1[789]\d{8}\b")
TOKENS = ("TaskToken", "token")  # under which a task's token is sent

# A task's answers: computed from the arguments, or one after the other, the last one for ever.
Answers = Callable[[Any], Any] | list[Any]


@dataclass(frozen=True)
class WithToken:
    """The answer of a task that waits: its integration goes well, and then its token comes back with this."""

    answer: Any


@dataclass(frozen=True)
class Silence:
    """The answer of a task that waits: its integration goes well, and its token never comes back."""


@dataclass(frozen=True)
class Scenario:
    """One execution: its input, and per state what its task answers (an answer that is a `TaskFailed` is raised).

    A function's answer is its payload.
    """

    name: str
    input: Any
    answers: Mapping[str, Answers] = field(default_factory=dict)


class Script:
    """The world of one run of a scenario: answers tasks and remembers what they requested."""

    def __init__(self, scenario: Scenario) -> None:
        self.requested: list[tuple[str, Any]] = []
        self._answers = {
            state: list(answers) if isinstance(answers, list) else answers
            for state, answers in scenario.answers.items()
        }
        self._lock = threading.Lock()

    def answer(self, state: str, resource: str, arguments: Any) -> Any:
        """The result of the task, in the shape its integration has. Raises `TaskFailed`."""
        payload = self.payload(state, arguments)
        if resource == LAMBDA:
            return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200}
        return payload

    def payload(self, state: str, arguments: Any) -> Any:
        """The answer as the scenario tells it. Raises `TaskFailed`."""
        with self._lock:
            self.requested.append((state, arguments))
            answers = self._answers[state]
            if isinstance(answers, list):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
            else:
                answer = answers(arguments)
        if isinstance(answer, TaskFailed):
            raise TaskFailed(answer.error, answer.cause)
        return copy.deepcopy(answer)


@dataclass(frozen=True)
class Outcome:
    """How one execution went on one engine."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    path: list[str]
    requested: list[tuple[str, Any]]

    def comparable(self, inside_maps: set[str]) -> dict[str, Any]:
        """What both engines must agree on.

        Left out: the wording of causes that the engine itself writes, the order of states inside Maps (they run at
        once), the time of day, and task tokens.
        """
        own_words = (self.error or "").startswith("States.")
        return {
            "status": self.status,
            "output": _without_times(self.output),
            "error": self.error,
            "cause": None if own_words else self.cause,
            "path": [name for name in self.path if name not in inside_maps],
            "inside maps": Counter(name for name in self.path if name in inside_maps),
            "asked": [_without_times(each) for each in self.requested if each[0] not in inside_maps],
            "asked inside maps": sorted(
                repr(_without_times(each)) for each in self.requested if each[0] in inside_maps
            ),
        }


def _without_times(value: Any) -> Any:
    if isinstance(value, str):
        return TIME.sub("<time>", value)
    if isinstance(value, dict):
        return {key: "<token>" if key in TOKENS else _without_times(item) for key, item in value.items()}
    return [_without_times(item) for item in value] if isinstance(value, list | tuple) else value

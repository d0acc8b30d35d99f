"""What a state machine is made of, once it is read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.asl.expression import Expression


class InvalidDefinition(ValueError):
    """The definition is not one we run; names the state (qualified by the Maps around it) and the fault."""

    def __init__(self, state: str, fault: str) -> None:
        super().__init__(f"{state or 'the state machine'}: {fault}")
        self.state = state


@dataclass(frozen=True)
class Transition:
    """A rule of a Choice or a catcher: when it applies, and what it then outputs, assigns and leads to."""

    next: str
    fields: Mapping[str, Any]
    condition: Expression | bool = True
    error_equals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retrier:
    """When and how often a failed state is tried again; intervals in seconds."""

    error_equals: tuple[str, ...]
    interval: float = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay: float = float("inf")
    jitter: bool = False

    def delay(self, attempt: int) -> float:
        """Seconds before that attempt (the first retry is 1), jitter apart."""
        return min(self.interval * self.backoff_rate ** (attempt - 1), self.max_delay)


@dataclass(frozen=True)
class State:
    """One state; `fields` are its templates by their names in the language, `next` is None where it ends."""

    name: str
    type: str
    fields: Mapping[str, Any]
    next: str | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Transition, ...] = ()
    choices: tuple[Transition, ...] = ()
    processor: "StateMachine | None" = None

    def leads_to(self) -> Iterator[str]:
        """The names of the states that may follow."""
        yield from (branch.next for branch in (*self.choices, *self.catch))
        if self.next is not None:
            yield self.next


@dataclass(frozen=True)
class StateMachine:
    """A definition, or the inside of a Map."""

    start_at: str
    states: Mapping[str, State]
    timeout_seconds: float | None = None


def states(machine: StateMachine, path: str = "") -> Iterator[tuple[str, State]]:
    """Every state with its qualified name: `ForEachProfile/Assess` is state Assess in Map ForEachProfile."""
    for name, state in machine.states.items():
        yield path + name, state
        if state.processor:
            yield from states(state.processor, f"{path}{name}/")

"""The reader: walks a state machine and yields what it needs; a driver decides what the world answers."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sandbox.aws.asl.context import Context, timestamp
from sandbox.aws.asl.effects import (
    Call,
    Entered,
    ExecutionFailed,
    Exited,
    Failed,
    Fork,
    Invoke,
    Run,
    StateError,
    Wait,
)
from sandbox.aws.asl.expression import fill
from sandbox.aws.asl.integration import waits
from sandbox.aws.asl.values import Retrier, State, StateMachine, Transition

LAMBDA = "arn:aws:states:::lambda:invoke"
SIZE_LIMIT = 256 * 1024  # bytes of JSON that a state may take in or hand on
# Step Functions Developer Guide, "Handling errors": nothing catches the first, no wildcard the second.
RUNTIME, TOO_LARGE = "States.Runtime", "States.DataLimitExceeded"
WILDCARDS = {"States.ALL": {TOO_LARGE}, "States.TaskFailed": {TOO_LARGE, "States.Timeout"}}

T = TypeVar("T", Retrier, Transition)
Next = tuple[str | None, Any]


def run(machine: StateMachine, data: Any, context: Context) -> Run:
    """Run the machine on that input; returns the output. Raises `ExecutionFailed`.

    Answer `Invoke`, `Call` and `Fork` with the result or by throwing `TaskFailed`, all else with None.
    """
    return (yield from _Scope(machine, context, context.context_object(data)).walk(data))


@dataclass
class _StateRun:
    """One run of one state: its input, the context object, the retries so far."""

    state: State
    input: Any
    context_object: dict[str, Any]
    variables: Mapping[str, Any]
    attempts: dict[Retrier, int] = field(default_factory=dict)

    def fill(self, value: Any, also: Mapping[str, Any] | None = None) -> Any:
        """The template with `$states` and the variables as they were when the state began."""
        states = {"input": self.input, "context": self.context_object, **(also or {})}
        return fill(value, {**self.variables, "states": states})

    def field(self, name: str, default: Any = None) -> Any:
        """That field of the state, filled."""
        return self.fill(self.state.fields.get(name, default))

    def number(self, name: str) -> int | None:
        """A field that is a whole number of something, and not negative."""
        value = self.field(name)
        if value is None and name not in self.state.fields:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise _wrong(f"{name} is no whole number", value)


@dataclass
class _Scope:
    """One way through a machine, or through one iteration of a Map: a scope of variables."""

    machine: StateMachine
    context: Context
    context_object: Mapping[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)

    def walk(self, data: Any) -> Run:
        """From StartAt to the end, where it returns the output."""
        name: str | None = self.machine.start_at
        while name is not None:
            state = self.machine.states[name]
            yield Entered(state.name, data)
            name, data = yield from self._run_state(state, data)
            yield Exited(state.name, data)
        return data

    def _run_state(self, state: State, data: Any) -> Run:
        entered: dict[str, Any] = {
            "Name": state.name,
            "EnteredTime": timestamp(self.context.now()),
            "RetryCount": 0,
        }
        state_run = _StateRun(state, data, {**self.context_object, "State": entered}, dict(self.variables))
        while True:
            try:
                return (yield from self._attempt(state_run))
            except StateError as error:
                failure = error
            yield Failed(state.name, failure.error, failure.cause)
            delay = self._retry_after(state_run, failure)
            if delay is None:
                return self._caught(state_run, failure)
            entered["RetryCount"] += 1
            yield Wait(state.name, self._later(delay), "retry")

    def _attempt(self, state_run: _StateRun) -> Run:
        match state_run.state.type:
            case "Task":
                return (yield from self._task(state_run))
            case "Map":
                return (yield from self._map(state_run))
            case "Wait":
                yield Wait(state_run.state.name, self._end_of_wait(state_run))
            case "Choice":
                return self._choice(state_run)
            case "Fail":
                raise StateError(state_run.field("Error"), state_run.field("Cause"))
        return self._leave(state_run, state_run.state, state_run.input)

    def _task(self, state_run: _StateRun) -> Run:
        resource = state_run.state.fields["Resource"]
        token = self._token(state_run)
        arguments, timeout = state_run.field("Arguments"), state_run.number("TimeoutSeconds")
        _text(arguments)
        kind = Invoke if resource.startswith(LAMBDA) else Call
        result = yield kind(
            state_run.state.name, resource, arguments, timeout, state_run.number("HeartbeatSeconds"), token
        )
        if resource == LAMBDA:
            result = {"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200}
        result = json.loads(_text(result))
        return self._leave(state_run, state_run.state, result, result=result)

    def _token(self, state_run: _StateRun) -> str | None:
        """A new token for this attempt, if the task waits for one; its Arguments see it."""
        if not waits(state_run.state.fields["Resource"]):
            return None
        token = self.context.new_token()
        state_run.context_object["Task"] = {"Token": token}
        return token

    def _map(self, state_run: _StateRun) -> Run:
        items = state_run.field("Items")
        if not isinstance(items, list):
            raise _wrong("Items is no array", items)
        branches = tuple(self._iteration(state_run, index, item) for index, item in enumerate(items))
        result = yield Fork(state_run.state.name, branches, state_run.number("MaxConcurrency") or 0)
        return self._leave(state_run, state_run.state, result, result=result)

    def _iteration(self, state_run: _StateRun, index: int, item: Any) -> Callable[[], Run]:
        here = {"Map": {"Item": {"Index": index, "Value": item}}}
        chosen = replace(state_run, context_object={**state_run.context_object, **here}).field("ItemSelector", item)
        inside = state_run.state.processor or self.machine
        return partial(_Scope(inside, self.context, {**self.context_object, **here}, dict(self.variables)).walk, chosen)

    def _choice(self, state_run: _StateRun) -> Next:
        for rule in state_run.state.choices:
            holds = state_run.fill(rule.condition)
            if not isinstance(holds, bool):
                raise _wrong("Condition is no boolean", holds)
            if holds:
                return self._leave(state_run, rule, state_run.input)
        if state_run.state.next is None:
            raise StateError("States.NoChoiceMatched", f"{state_run.state.name}: no rule matched; there is no Default.")
        return self._leave(state_run, state_run.state, state_run.input)

    def _end_of_wait(self, state_run: _StateRun) -> datetime:
        seconds = state_run.number("Seconds")
        if seconds is not None:
            return self._later(seconds)
        when = state_run.field("Timestamp")
        try:
            return datetime.fromisoformat(when).astimezone(UTC)
        except (TypeError, ValueError) as error:
            raise _wrong("Timestamp is no time", when) from error

    def _leave(self, state_run: _StateRun, by: State | Transition, output: Any, **also: Any) -> Next:
        assigned = state_run.fill(by.fields.get("Assign", {}), also)
        if "Output" in by.fields:
            output = state_run.fill(by.fields["Output"], also)
        _text(assigned)
        _text(output)
        self.variables.update(assigned)
        return by.next, output

    def _retry_after(self, state_run: _StateRun, failure: StateError) -> float | None:
        retrier = _matching(state_run.state.retry, failure)
        if retrier is None or state_run.attempts.get(retrier, 0) >= retrier.max_attempts:
            return None
        state_run.attempts[retrier] = state_run.attempts.get(retrier, 0) + 1
        delay = retrier.delay(state_run.attempts[retrier])
        return self.context.random.uniform(0, delay) if retrier.jitter else delay

    def _caught(self, state_run: _StateRun, failure: StateError) -> Next:
        catcher = _matching(state_run.state.catch, failure)
        if catcher is None:
            raise ExecutionFailed(failure.error, failure.cause) from failure
        output = {"Error": failure.error or "", "Cause": failure.cause or ""}
        try:
            return self._leave(state_run, catcher, output, errorOutput=output)
        except StateError as error:
            raise ExecutionFailed(error.error, error.cause) from error

    def _later(self, seconds: float) -> datetime:
        return self.context.now() + timedelta(seconds=seconds)


def _matching(options: Sequence[T], failure: StateError) -> T | None:
    if failure.error == RUNTIME:
        return None
    return next((option for option in options if _names(option.error_equals, failure)), None)


def _names(error_equals: Sequence[str], failure: StateError) -> bool:
    return any(
        failure.error not in WILDCARDS[name] if name in WILDCARDS else name in {failure.error, failure.also}
        for name in error_equals
    )


def _wrong(what: str, value: Any) -> StateError:
    return StateError("States.QueryEvaluationError", f"{what}: {json.dumps(value)}")


def _text(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode("utf-8", "replace"))  # JSON may spell half a surrogate pair
    if size > SIZE_LIMIT:
        raise StateError(TOO_LARGE, f"{size} bytes exceed the limit of {SIZE_LIMIT}.")
    return text

"""An execution's history as GetExecutionHistory answers it: AWS's events, made of the lines our reader wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.aws.asl.effects import Call, Entered, Exited, Failed, Fork, Invoke
from sandbox.aws.asl.execution import Ended

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sandbox.aws.asl.execution import Event, Execution
    from sandbox.aws.asl.values import StateMachine

ENDS = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "TIMED_OUT": "ExecutionTimedOut",
    "ABORTED": "ExecutionAborted",
}
DETAILS = {
    "ExecutionSucceeded": "executionSucceededEventDetails",
    "ExecutionFailed": "executionFailedEventDetails",
    "ExecutionTimedOut": "executionTimedOutEventDetails",
    "ExecutionAborted": "executionAbortedEventDetails",
}


def events(execution: Execution, machine: StateMachine) -> list[dict[str, Any]]:
    """Every event, oldest first. `previousEventId` leads through one iteration of a Map, whatever others do."""
    return list(_Writer(execution, dict(_types(machine))).events())


def _types(machine: StateMachine) -> Iterator[tuple[str, str]]:
    """The type of each state by its name; names are unique in a machine, also inside of Maps."""
    for name, state in machine.states.items():
        yield name, state.type
        if state.processor:
            yield from _types(state.processor)


class _Writer:
    """Numbers the events, and knows the last one of each iteration."""

    def __init__(self, execution: Execution, types: Mapping[str, str]) -> None:
        self._execution, self._types = execution, types
        self._number = 0
        self._last: dict[tuple[int, ...], int] = {}
        self._maps: dict[tuple[int, ...], str] = {}  # the Map that runs in an iteration
        self._failed: set[tuple[tuple[int, ...], str]] = set()  # whose last attempt failed

    def events(self) -> Iterator[dict[str, Any]]:
        """The execution's beginning, and what each line became."""
        execution = self._execution
        details = {"input": json.dumps(execution.input), "roleArn": execution.role_arn}
        began = execution.history[0].at if execution.history else execution.started
        assert began
        yield self._event("ExecutionStarted", began, (), executionStartedEventDetails=details)
        for line in execution.history:
            yield from self._of(line)

    def _of(self, line: Event) -> Iterator[dict[str, Any]]:
        what, at, where = line.what, line.at, line.iteration
        if isinstance(what, Entered):
            yield from self._entered(what, at, where)
        elif isinstance(what, Invoke | Call):
            self._failed.discard((where, what.state))
            yield from self._scheduled(what, at, where)
        elif isinstance(what, Fork):
            self._maps[where] = what.state
            details = {"length": len(what.branches)}
            yield self._event("MapStateStarted", at, where, mapStateStartedEventDetails=details)
        elif isinstance(what, Failed):
            yield from self._attempt_failed(what, at, where)
        elif isinstance(what, Exited):
            yield from self._exited(what, at, where)
        elif isinstance(what, Ended):
            yield self._ended(what, at)

    def _entered(self, what: Entered, at: datetime, where: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        if where and where not in self._last:
            self._last[where] = self._last.get(where[:-1], 0)
            iteration = {"name": self._maps.get(where[:-1], ""), "index": where[-1]}
            yield self._event("MapIterationStarted", at, where, mapIterationStartedEventDetails=iteration)
        details = {"name": what.state, "input": json.dumps(what.input)}
        yield self._event(f"{self._types[what.state]}StateEntered", at, where, stateEnteredEventDetails=details)

    def _scheduled(self, what: Invoke | Call, at: datetime, where: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        kind = _resource(what.resource)
        details = {**kind, "region": self._execution.arn.split(":")[3], "parameters": json.dumps(what.arguments)}
        yield self._event("TaskScheduled", at, where, taskScheduledEventDetails=details)
        yield self._event("TaskStarted", at, where, taskStartedEventDetails=kind)

    def _attempt_failed(self, what: Failed, at: datetime, where: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        if self._types[what.state] != "Task":
            return
        self._failed.add((where, what.state))
        details = {**_resource(""), "error": what.error or "", "cause": what.cause or ""}
        if what.error == "States.Timeout":
            yield self._event("TaskTimedOut", at, where, taskTimedOutEventDetails=details)
        else:
            yield self._event("TaskFailed", at, where, taskFailedEventDetails=details)

    def _exited(self, what: Exited, at: datetime, where: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        kind = self._types[what.state]
        if kind == "Task" and (where, what.state) not in self._failed:
            yield self._event("TaskSucceeded", at, where, taskSucceededEventDetails=_resource(""))
        details = {"name": what.state, "output": json.dumps(what.output)}
        yield self._event(f"{kind}StateExited", at, where, stateExitedEventDetails=details)

    def _ended(self, what: Ended, at: datetime) -> dict[str, Any]:
        kind = ENDS[what.status]
        found = {"output": json.dumps(self._execution.output)} if what.status == "SUCCEEDED" else {}
        found |= {name: text for name, text in (("error", what.error), ("cause", what.cause)) if text}
        return self._event(kind, at, (), **{DETAILS[kind]: found})

    def _event(self, kind: str, at: datetime, where: tuple[int, ...], **details: Any) -> dict[str, Any]:
        self._number += 1
        previous, self._last[where] = self._last.get(where, 0), self._number
        return {"timestamp": at, "type": kind, "id": self._number, "previousEventId": previous, **details}


def _resource(resource: str) -> dict[str, str]:
    """`arn:aws:states:::lambda:invoke` as a history names it: its service, and what it does there."""
    _, _, named = resource.partition(":::")
    service, _, action = named.rpartition(":")
    return {"resourceType": service, "resource": action}

"""The steps of an execution: which states ran, how often each was tried, when, and what failed. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from control_plane.failure import explain
from quickctl.output import Result

FAILED = {
    "TaskFailed": "taskFailedEventDetails",
    "TaskTimedOut": "taskTimedOutEventDetails",
    "TaskStartFailed": "taskStartFailedEventDetails",
    "TaskSubmitFailed": "taskSubmitFailedEventDetails",
    "EvaluationFailed": "evaluationFailedEventDetails",
}


class StepError(Result):
    """An attempt that failed."""

    at: datetime = Field(description="when it failed")
    error: str = Field(description="the error's name")
    message: str = Field(description="AWS's message")


class Step(Result):
    """A step of an execution, all its visits together."""

    state: str = Field(description="the state's name in the state machine")
    visits: int = Field(description="how often it was entered: a step that has to wait is entered again")
    attempts: int = Field(description="calls it made, retries included")
    started: datetime = Field(description="when it was entered first")
    ended: datetime | None = Field(description="when it was left last; null while it runs")
    errors: tuple[StepError, ...] = Field(description="attempts that failed, the oldest first")


def steps(account_id: str, events: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The task states of an execution's history, in the order they were first entered."""
    found: dict[str, Step] = {}
    states: dict[int, str] = {}  # the task state that each event belongs to; iterations of a Map are told apart by it
    for event in events:
        entered = event.get("stateEnteredEventDetails")
        state = entered["name"] if entered else states.get(event.get("previousEventId", 0), "")
        states[event["id"]] = state
        if event["type"] == "TaskStateEntered":
            found[state] = _entered(found.get(state), state, event["timestamp"])
        elif state in found:
            found[state] = _after(found[state], event, account_id)
    return tuple(found.values())


def _entered(before: Step | None, state: str, at: datetime) -> Step:
    if before is None:
        return Step(state=state, visits=1, attempts=0, started=at, ended=None, errors=())
    return before.model_copy(update={"visits": before.visits + 1, "ended": None})


def _after(step: Step, event: Mapping[str, Any], account_id: str) -> Step:
    kind = event["type"]
    if kind == "TaskScheduled":
        return step.model_copy(update={"attempts": step.attempts + 1})
    if kind in FAILED:
        details = event.get(FAILED[kind], {})
        failure = explain(account_id, step.state, {"Error": details.get("error"), "Cause": details.get("cause")})
        message = failure.reason.removeprefix(f"account {account_id}: {step.state}: ")
        failed = StepError(at=event["timestamp"], error=failure.error, message=message)
        return step.model_copy(update={"errors": (*step.errors, failed)})
    if kind in ("TaskStateExited", "TaskStateAborted"):
        return step.model_copy(update={"ended": event["timestamp"]})
    return step

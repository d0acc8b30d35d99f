"""Where the numbers come from: executions, deliveries of events and schedules, functions and their logs.

Sources: Step Functions Developer Guide, procedure-cw-metrics; Lambda Developer Guide, monitoring-metrics-types;
EventBridge User Guide, eb-monitoring (a rule of the default bus has the dimension RuleName alone); EventBridge
Scheduler User Guide, monitoring-cloudwatch (dimension ScheduleGroup). Counts are sent when there is something to count;
whether AWS sends zeros besides is not documented for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.asl.execution import Ended
from sandbox.aws.services.cloudwatch.embedded import read
from sandbox.aws.services.cloudwatch.metrics import Metrics, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.asl.effects import Effect
    from sandbox.aws.asl.execution import Execution

ENDED = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


class Sources:
    """Turns what services say of themselves into values; each method is a listener of one service."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def execution(self, execution: Execution, what: Effect | Ended) -> None:
        """A line of a history: only beginnings and ends are counted."""
        if len(execution.history) == 1:
            self._machine(execution, "ExecutionsStarted")
        if isinstance(what, Ended):
            self._machine(execution, ENDED[what.status])

    def event(self, rule_arn: str, name: str) -> None:
        """What became of an event on its way from a rule to a target."""
        names = rule_arn.split(":", 5)[5].split("/")[1:]
        bus = {"EventBusName": names[0]} if len(names) > 1 else {}
        self._count(rule_arn, "AWS/Events", name, 1.0, {"RuleName": names[-1], **bus})

    def schedule(self, schedule_arn: str, name: str) -> None:
        """What became of an invocation; counted for its group, and for all schedules."""
        group = schedule_arn.split("/")[1]
        self._count(schedule_arn, "AWS/Scheduler", name, 1.0, {"ScheduleGroup": group})
        self._count(schedule_arn, "AWS/Scheduler", name, 1.0, {})

    def function(self, function_arn: str, name: str, value: float) -> None:
        """What became of an invocation; counted for the function, and for all functions."""
        self._count(function_arn, "AWS/Lambda", name, value, {"FunctionName": function_arn.split(":")[6]})
        self._count(function_arn, "AWS/Lambda", name, value, {})

    def embedded(self, function_arn: str, document: Mapping[str, Any]) -> None:
        """A line of a function's log in the embedded metric format; its time is the sandbox's, not the process's."""
        for series, value in read(_place(function_arn), document):
            self._metrics.put(series, value)

    def _machine(self, execution: Execution, name: str) -> None:
        arn = execution.machine_arn
        self._count(arn, "AWS/States", name, 1.0, {"StateMachineArn": arn})

    def _count(self, arn: str, namespace: str, name: str, value: float, dimensions: Mapping[str, str]) -> None:
        self._metrics.put(Series.of(_place(arn), namespace, name, dimensions), value)


def _place(arn: str) -> tuple[str, str]:
    _, _, _, region, account, _ = arn.split(":", 5)
    return account, region

"""Child executions: a task of `startExecution.sync:2` waits until the execution it started is over.

Step Functions starts, describes and stops the child as the machine's role, and learns of its end by a rule of its own
in EventBridge, which that role must be allowed to make.
Sources: Step Functions Developer Guide, connect-to-resource, connect-stepfunctions, service-integration-iam-templates.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.asl import drivers, integration
from sandbox.aws.asl.effects import TaskFailed
from sandbox.aws.asl.execution import Pending
from sandbox.aws.gateway import Call
from sandbox.aws.identity import acting_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.asl.execution import Execution
    from sandbox.aws.cloud import Cloud
    from sandbox.aws.identity import Session

RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
DESCRIBING = integration.read("arn:aws:states:::states:describeExecution")


def check_permissions(cloud: Cloud, session: Session, arguments: Any) -> None:
    """Raises `AwsError` if the role lacks a permission that waiting needs, besides that to start the child.

    On AWS the rule is perhaps only checked when the machine is made; refusing at run time is the worse reading.
    """
    machine_arn, name = str(arguments.get("StateMachineArn")), arguments.get("Name", "*")
    child = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    for service, operation, parameters in (
        ("stepfunctions", "DescribeExecution", {"executionArn": child}),
        ("stepfunctions", "StopExecution", {"executionArn": child}),
        ("events", "PutTargets", {"Rule": RULE, "Targets": []}),
        ("events", "PutRule", {"Name": RULE}),
        ("events", "DescribeRule", {"Name": RULE}),
    ):
        cloud.gateway.authorize(Call(service, operation, cloud.topology.region, session, parameters))


class ChildExecution(Pending):
    """The execution a task waits for."""

    def __init__(
        self,
        cloud: Cloud,
        session: Session,
        child: Execution,
        describe: Callable[[Execution], dict[str, Any]],
        *,
        stops: bool,
    ) -> None:
        self._cloud, self._session, self._child = cloud, session, child
        self._describe, self._stops = describe, stops

    def begin(self, done: Callable[[Any], object]) -> None:
        """Answer when the child is over: as DescribeExecution describes it then."""
        drivers.when_ended(self._child, lambda: done(self._answer()))

    def time_out(self) -> None:
        """A task whose time is up tries to stop its child."""
        self._cloud.clock.submit(self._stop, f"{self._child.name} is stopped")

    def abandon(self) -> None:
        """Whether AWS stops the child of an execution that ended is not promised."""
        if self._stops:
            self.time_out()

    def _answer(self) -> Any:
        client = self._cloud.client("stepfunctions")
        described = integration.answer(DESCRIBING, self._describe(self._child), client)
        if self._child.status != "SUCCEEDED":
            return TaskFailed("States.TaskFailed", json.dumps(described, separators=(",", ":")))
        return {**described, "Input": self._child.input, "Output": self._child.output}

    def _stop(self) -> None:
        try:
            with acting_as(self._session):
                self._cloud.client("stepfunctions").stop_execution(executionArn=self._child.arn)
        except (ClientError, BotoCoreError):
            return  # best effort

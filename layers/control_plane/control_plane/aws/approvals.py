"""Asking people to approve revocations: one execution of ApproveRevocations for each plan."""

import json
from typing import TYPE_CHECKING

from control_plane.aws.calls import named_errors, tolerating
from control_plane.ports import HeldPlan

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

ENDED = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")  # nobody waits for that token any more


class StepFunctionsApprovals:
    """Port `Approvals` over Step Functions."""

    def __init__(self, client: "SFNClient", machine_arn: str) -> None:
        self._client, self._machine_arn = client, machine_arn

    def ask(self, plan: HeldPlan) -> None:
        """Ask about the plan, unless it is empty; what would have approved the one before is refused from now on."""
        if plan.stale_token:
            with named_errors(), tolerating(*ENDED):
                self._client.send_task_failure(
                    taskToken=plan.stale_token, error="Superseded", cause=f"replaced by plan {plan.id}"
                )
        if plan.connections:
            with named_errors(), tolerating("ExecutionAlreadyExists"):
                self._client.start_execution(
                    stateMachineArn=self._machine_arn, name=plan.id, input=json.dumps({"plan": plan.id})
                )

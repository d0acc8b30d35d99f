"""Request approval: one execution of ApproveBatch for each batch."""

import json
from typing import TYPE_CHECKING

from control_plane.approval import batch_name
from control_plane.aws.calls import named_errors, tolerating
from control_plane.aws.waiting_tasks import StepFunctionsWaitingTasks
from control_plane.errors import BatchReplaced
from control_plane.ports.approvals import ApprovalBatch

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StepFunctionsApprovals:
    """Port `Approvals` over Step Functions."""

    def __init__(self, client: "SFNClient", machine_arn: str) -> None:
        self._client, self._machine_arn = client, machine_arn
        self._waiting = StepFunctionsWaitingTasks(client)

    def ask(self, batch: ApprovalBatch, unit: str = "") -> None:
        """Request approval of the batch, unless it is empty. The token of the batch before it is invalidated."""
        if batch.replaced_token:
            self._waiting.fail(batch.replaced_token, BatchReplaced.__name__, f"replaced by batch {batch.id}")
        if batch.connections:
            about = {"batch": batch.id, **({"unit": unit} if unit else {})}
            with named_errors(), tolerating("ExecutionAlreadyExists"):
                self._client.start_execution(
                    stateMachineArn=self._machine_arn, name=batch_name(batch.id, unit), input=json.dumps(about)
                )

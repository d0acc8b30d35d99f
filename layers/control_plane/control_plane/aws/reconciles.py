"""Starting ReconcileAccount and SweepOrganization."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from control_plane.aws.calls import named_errors, tolerating

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StepFunctionsReconciles:
    """Port `Reconciles` over Step Functions."""

    def __init__(self, client: "SFNClient", machine_arn: str) -> None:
        self._client, self._machine_arn = client, machine_arn

    def start(self, account_id: str, reason: str, name: str, profiles: Sequence[str] = ()) -> None:
        """Start to reconcile an account; no error when the name was used already: then it was started before."""
        forgotten = {"profiles": list(profiles)} if profiles else {}
        payload = json.dumps({"account_id": account_id, "reason": reason, **forgotten})
        with named_errors(), tolerating("ExecutionAlreadyExists"):
            self._client.start_execution(stateMachineArn=self._machine_arn, name=name, input=payload)


class StepFunctionsSweeps:
    """Port `Sweeps` over Step Functions."""

    def __init__(self, client: "SFNClient", machine_arn: str) -> None:
        self._client, self._machine_arn = client, machine_arn

    def start(self, scope: str, reason: str) -> None:
        """Start a sweep of an OU or the root; while another one runs, it follows that one."""
        payload = json.dumps({"scope": scope, "reason": reason})
        with named_errors():
            self._client.start_execution(stateMachineArn=self._machine_arn, input=payload)

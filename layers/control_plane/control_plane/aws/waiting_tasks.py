"""Executions that wait on a task token, and the operators of stack sets."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of, named_errors, tolerating

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

ENDED = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")  # no task waits with that token any more
LONGEST_CAUSE = 32_768  # characters, as Step Functions takes them


class StepFunctionsWaitingTasks:
    """Port `WaitingTasks` over Step Functions."""

    def __init__(self, client: "SFNClient") -> None:
        self._client = client

    def succeed(self, token: str, output: Mapping[str, Any]) -> None:
        """Let the execution go on with this output; nothing when it does not wait any more."""
        with named_errors(), tolerating(*ENDED):
            self._client.send_task_success(taskToken=token, output=json.dumps(output))

    def fail(self, token: str, error: str, cause: str) -> None:
        """Let the execution's task fail; nothing when it does not wait any more."""
        with named_errors(), tolerating(*ENDED):
            self._client.send_task_failure(taskToken=token, error=error, cause=cause[:LONGEST_CAUSE])


class StepFunctionsOperators:
    """Port `Operators` over Step Functions.

    The execution's name has the operator's number: Step Functions takes a name once, so there is one such operator. To
    start it while it runs has no effect.
    """

    def __init__(self, client: "SFNClient", machine_arn: str) -> None:
        self._client, self._machine_arn = client, machine_arn

    def start(self, stack_set: str, epoch: int) -> bool:
        """Have the operator with that number run. False when it has ended."""
        try:
            with named_errors():
                self._client.start_execution(
                    stateMachineArn=self._machine_arn,
                    name=f"{stack_set}-{epoch}",
                    input=json.dumps({"stack_set": stack_set, "epoch": epoch}),
                )
        except ClientError as error:
            if code_of(error) == "ExecutionAlreadyExists":
                return False
            raise
        return True

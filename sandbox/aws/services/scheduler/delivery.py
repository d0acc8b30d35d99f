"""One invocation of a schedule's target: made as the schedule's role, tried again, and at last put aside.

Sources: EventBridge Scheduler User Guide, setting-up-execution-role and cross-service-confused-deputy-prevention
(aws:SourceArn is the schedule group's), managing-schedule-context-attributes, configuring-schedule-dlq (the role needs
sqs:SendMessage; attributes of the message), managing-targets-templated. Assumptions: errors that another try cannot
mend are not tried again, as EventBridge does it; the waits are EventBridge's, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.aws.gateway import AwsError
from sandbox.aws.identity import acting_as
from sandbox.aws.services.events.delivery import LONGEST_WAIT, MOST_RETRIES, OLDEST_SECONDS
from sandbox.aws.services.events.errors import as_target_error
from sandbox.aws.services.sqs import queue_url
from sandbox.aws.services.sts import AssumeRoleRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.services.sts import Sts

PRINCIPAL = "scheduler.amazonaws.com"


@dataclass(frozen=True)
class Invocation:
    """One time a schedule was due; `target` is as it was then."""

    schedule_arn: str
    target: Mapping[str, Any]
    scheduled: datetime
    began: datetime
    id: str
    attempts: int = 0

    @property
    def group_arn(self) -> str:
        """The schedule group's ARN, by which Scheduler names itself to roles."""
        front, group, _ = self.schedule_arn.split("/")
        return f"{front.removesuffix('schedule')}schedule-group/{group}"

    @property
    def input(self) -> str | None:
        """The target's constant input, with the context attributes filled in."""
        text = self.target.get("Input")
        known = {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": f"{self.scheduled:%Y-%m-%dT%H:%M:%SZ}",
            "execution-id": self.id,
            "attempt-number": str(self.attempts),
        }
        for name, value in known.items():
            text = text.replace(f"<aws.scheduler.{name}>", value) if text else text
        return str(text) if text else None


class Invocations:
    """Delivers each invocation; `count` is called with what CloudWatch counts of it."""

    def __init__(self, cloud: Cloud, sts: Sts, count: Callable[[str, str], None]) -> None:
        self._cloud, self._sts, self._count = cloud, sts, count

    def begin(self, invocation: Invocation) -> None:
        """The first attempt, as soon as possible."""
        self._cloud.clock.submit(lambda: self._try(invocation), f"Scheduler: {invocation.schedule_arn}")

    def _try(self, invocation: Invocation) -> None:
        invocation = replace(invocation, attempts=invocation.attempts + 1)
        self._count(invocation.schedule_arn, "InvocationAttemptCount")
        try:
            self._reach(invocation)
        except (ClientError, AwsError) as error:
            self._failed(invocation, error)

    def _reach(self, invocation: Invocation) -> None:
        arn, text = invocation.target["Arn"], invocation.input or _default(invocation)
        _, _, service, region, _, _ = arn.split(":", 5)
        client = self._cloud.client({"states": "stepfunctions"}.get(service, service), region)
        with acting_as(self._role(invocation)):
            if service == "states":
                client.start_execution(stateMachineArn=arn, input=text)
            elif service == "lambda":
                client.invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
            else:
                client.send_message(QueueUrl=queue_url(arn), MessageBody=text)

    def _role(self, invocation: Invocation) -> Any:
        context = {
            "aws:SourceAccount": invocation.schedule_arn.split(":")[4],
            "aws:SourceArn": invocation.group_arn,
        }
        return self._sts.as_service(
            PRINCIPAL, AssumeRoleRequest(invocation.target["RoleArn"], "scheduler", context=context)
        )

    def _failed(self, invocation: Invocation, error: ClientError | AwsError) -> None:
        known = as_target_error(error)
        self._count(invocation.schedule_arn, "TargetErrorCount")
        if known.code == "THROTTLING":
            self._count(invocation.schedule_arn, "TargetErrorThrottledCount")
        wait = min(2.0 ** (invocation.attempts - 1), LONGEST_WAIT)
        condition = self._exhausted(invocation, wait)
        if known.retried and condition is None:
            self._cloud.clock.call_later(
                wait, lambda: self._try(invocation), f"Scheduler again: {invocation.schedule_arn}"
            )
            return
        self._count(invocation.schedule_arn, "InvocationDroppedCount")
        code, _, message = known.message.partition(": ")
        self._give_up(invocation, {"ERROR_CODE": code, "ERROR_MESSAGE": message}, condition if known.retried else None)

    def _exhausted(self, invocation: Invocation, wait: float) -> str | None:
        policy = invocation.target.get("RetryPolicy") or {}
        age = (self._cloud.clock.now() - invocation.began).total_seconds()
        if invocation.attempts > policy.get("MaximumRetryAttempts", MOST_RETRIES):
            return "MaximumRetryAttempts"
        if age + wait > policy.get("MaximumEventAgeInSeconds", OLDEST_SECONDS):
            return "MaximumEventAgeInSeconds"
        return None

    def _give_up(self, invocation: Invocation, error: Mapping[str, str], condition: str | None) -> None:
        queue = (invocation.target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            return
        attributes = {
            **error,
            **({"EXHAUSTED_RETRY_CONDITION": condition} if condition else {}),
            "EXECUTION_ID": invocation.id,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(invocation.attempts - 1),
            "SCHEDULED_TIME": f"{invocation.scheduled:%Y-%m-%dT%H:%M:%SZ}",
            "SCHEDULE_ARN": invocation.schedule_arn,
            "TARGET_ARN": invocation.target["Arn"],
        }
        try:
            self._send(invocation, queue, attributes)
        except (ClientError, AwsError):
            self._count(invocation.schedule_arn, "InvocationsFailedToBeSentToDeadLetterCount")
        else:
            self._count(invocation.schedule_arn, "InvocationsSentToDeadLetterCount")

    def _send(self, invocation: Invocation, queue: str, attributes: Mapping[str, str]) -> None:
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
        with acting_as(self._role(invocation)):
            self._cloud.client("sqs", queue.split(":")[3]).send_message(
                QueueUrl=queue_url(queue),
                MessageBody=invocation.input or _default(invocation),
                MessageAttributes=typed,
            )


def _default(invocation: Invocation) -> str:
    """What a target without Input receives."""
    return json.dumps(
        {
            "version": "0",
            "id": invocation.id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": invocation.schedule_arn.split(":")[4],
            "time": f"{invocation.scheduled:%Y-%m-%dT%H:%M:%SZ}",
            "region": invocation.schedule_arn.split(":")[3],
            "resources": [invocation.schedule_arn],
            "detail": "{}",
        }
    )

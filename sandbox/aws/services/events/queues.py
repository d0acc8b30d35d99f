"""Events into SQS queues, as targets and as dead-letter queues, if the queue's policy lets EventBridge send."""

from collections.abc import Mapping
from typing import Any

from moto.sqs.models import sqs_backends

from sandbox.aws.cloud import Cloud
from sandbox.aws.services.events.errors import TargetError
from sandbox.aws.services.events.permissions import check_service, parse_policy


def send_to_queue(
    cloud: Cloud,
    queue_arn: str,
    body: str,
    rule_arn: str,
    *,
    group: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Sends one message; raises TargetError, or ClientError as SQS would."""
    _, _, _, region, account, name = queue_arn.split(":", 5)
    if region != rule_arn.split(":")[3]:
        raise TargetError("NO_RESOURCE", f"{queue_arn} is in another Region than the rule")
    queue = sqs_backends[account][region].queues.get(name)
    if queue is None:
        raise TargetError("NO_RESOURCE", f"The queue {queue_arn} does not exist")
    check_service(rule_arn, "sqs:SendMessage", queue_arn, parse_policy(queue.policy))
    options: dict[str, Any] = {"MessageGroupId": group} if group else {}
    with cloud.administering(account):
        cloud.client("sqs", region).send_message(
            QueueUrl=f"https://sqs.{region}.amazonaws.com/{account}/{name}",
            MessageBody=body,
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value} for key, value in (attributes or {}).items()
            },
            **options,
        )

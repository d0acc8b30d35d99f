"""Words the tests of the operational services share: queues, topics, a world of those services alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aws.permissions import Permissions
from sandbox.aws.services.asynchronous import Asynchronous
from sandbox.aws.services.cloudwatch import Alarms, Metrics, Queries, Sources
from sandbox.aws.services.events import Events
from sandbox.aws.services.functions import Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.scheduler import Scheduler
from sandbox.aws.services.sns import Sns
from sandbox.aws.services.sqs import Sqs
from sandbox.aws.services.step_functions import StepFunctions
from sandbox.aws.services.sts import Sts
from sandbox.handlers import FolderHandlers
from tests.integration.sandbox.deployed import REGION
from tests.integration.sandbox.roles import HUB, wait

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aws.cloud import Cloud


@dataclass
class Operations:
    """The operational services on one virtual clock, wired as the world wires them."""

    cloud: Cloud
    iam: Iam
    sqs: Sqs
    sns: Sns
    events: Events
    functions: Functions
    machines: StepFunctions
    scheduler: Scheduler
    metrics: Metrics
    alarms: Alarms

    @classmethod
    def of(cls, cloud: Cloud, folder: Path) -> Operations:
        """All of them."""
        iam = Iam(cloud, propagation_seconds=0)
        sts = Sts(cloud, iam)
        Permissions(cloud, iam)
        functions = Functions(
            cloud, FolderHandlers(folder), {"POWERTOOLS_METRICS_NAMESPACE": "Tests", "POWERTOOLS_SERVICE_NAME": "ours"}
        )
        Asynchronous(cloud, functions)
        metrics, sns = Metrics(cloud.clock), Sns(cloud)
        Queries(cloud, metrics)
        made = cls(
            cloud,
            iam,
            Sqs(cloud),
            sns,
            Events(cloud),
            functions,
            StepFunctions(cloud, functions),
            Scheduler(cloud, sts),
            metrics,
            Alarms(cloud, metrics, sns),
        )
        sources = Sources(metrics)
        made.machines.listeners.append(sources.execution)
        made.events.watchers.append(sources.event)
        made.scheduler.watchers.append(sources.schedule)
        functions.watchers.append(sources.function)
        functions.log.embedded.append(sources.embedded)
        return made

    def __call__(self, service: str, operation: str, **parameters: Any) -> Any:
        """One API call of an administrator of the hub."""
        with self.cloud.administering(HUB):
            return getattr(self.cloud.client(service), operation)(**parameters)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        wait(self.cloud, seconds)

    def run(self) -> None:
        """Let everything happen that is under way, and nothing that only comes with time."""
        self.cloud.clock.run()  # type: ignore[attr-defined]  # a virtual clock

    def queue(self, name: str, *senders: str, **attributes: str) -> str:
        """A queue these services may send to; answers its ARN."""
        arn = f"arn:aws:sqs:{REGION}:{HUB}:{name}"
        statements = [
            {"Effect": "Allow", "Principal": {"Service": sender}, "Action": "sqs:SendMessage", "Resource": arn}
            for sender in senders
        ]
        policy = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": statements})} if senders else {}
        self("sqs", "create_queue", QueueName=name, Attributes={**policy, **attributes})
        return arn

    def messages(self, arn: str) -> list[dict[str, Any]]:
        """Receive what lies in a queue."""
        answer = self(
            "sqs",
            "receive_message",
            QueueUrl=url(arn),
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def send(self, arn: str, body: str = "dead") -> None:
        """Put a message into a queue."""
        self("sqs", "send_message", QueueUrl=url(arn), MessageBody=body)

    def topic(self, name: str = "operators", **statement: Any) -> str:
        """A topic, with a policy of one statement if one is given; answers its ARN."""
        arn = str(self("sns", "create_topic", Name=name)["TopicArn"])
        if statement:
            policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": arn, **statement}]}
            self("sns", "set_topic_attributes", TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy))
        return arn


def url(arn: str) -> str:
    """A queue's URL."""
    _, _, _, region, account, name = arn.split(":")
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def attributes_of(message: dict[str, Any]) -> dict[str, str]:
    """A message's attributes as plain text."""
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}

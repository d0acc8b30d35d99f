"""SNS: what was published, and what each subscription received of it.

moto sends no e-mail, asks no policy and would really call HTTP endpoints. Sources: SNS Developer Guide,
sns-access-policy-use-cases (a service publishes if the topic's policy lets it; the queue's policy must let the topic
send), sns-message-and-json-formats; SNS API reference, Publish.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.sns.models import sns_backends

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.policy import Principal, Request, access_denied_message, evaluate
from sandbox.aws.services.authorization import account_of
from sandbox.aws.services.sqs import queue_of, queue_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.aws.cloud import Cloud

MAILED = ("email", "email-json")
SNS = Principal(account="", arn="sns.amazonaws.com")
DEFAULT_SUBJECT = "AWS Notification Message"


@dataclass(frozen=True)
class Published:
    """One message to a topic."""

    time: datetime
    topic: str
    text: str
    subject: str | None = None
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Mail:
    """One e-mail as a subscriber has it in the inbox."""

    time: datetime
    topic: str
    endpoint: str
    subject: str
    text: str


class Sns:
    """SNS of every account: `published` has every message, `outbox` every e-mail, oldest first."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.published: list[Published] = []
        self.outbox: list[Mail] = []
        cloud.gateway.before.append(_check_subscription)
        cloud.gateway.handle("sns", Publish=self._publish)

    def unread(self) -> dict[str, int]:
        """The topics to which nobody is subscribed by e-mail, and how many messages each has had."""
        published = Counter(each.topic for each in list(self.published))
        regions = [region for account in list(sns_backends.values()) for region in list(account.values())]
        topics = [topic for region in regions for topic in list(region.topics.values())]
        return {topic.arn: published[topic.arn] for topic in topics if not _is_mailed(topic)}

    def from_service(self, service: str, source_arn: str, topic: str, subject: str, text: str) -> None:
        """A service publishes on behalf of a resource, if the topic's policy lets it. Raises AwsError."""
        owner = account_of(source_arn)
        context = {"aws:SourceArn": source_arn, "aws:SourceAccount": owner, "AWS:SourceOwner": owner}
        request = Request(Principal(account="", arn=service), "sns:Publish", topic, context)
        verdict = evaluate(request, resource=json.loads(_topic(topic).policy))
        if not verdict.allowed:
            raise AwsError("AuthorizationError", access_denied_message(request, verdict))
        self._deliver_to_subscribers(Published(self._cloud.clock.now(), topic, text, subject))

    def _publish(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        topic = given.get("TopicArn") or given.get("TargetArn")
        if topic is None:
            raise AwsError("InvalidParameter", "the sandbox publishes to topics only")
        subject = given.get("Subject")
        if subject is not None and not re.fullmatch(r"(?=[^\s])[\x20-\x7e]{1,100}", subject):
            raise AwsError("InvalidParameter", "Invalid parameter: Subject")
        text = _texts(given["Message"], given.get("MessageStructure"))
        published = Published(self._cloud.clock.now(), topic, text["default"], subject, _attributes(given))
        self._deliver_to_subscribers(published, text)
        return {"MessageId": published.id}

    def _deliver_to_subscribers(self, published: Published, texts: Mapping[str, str] | None = None) -> None:
        topic = _topic(published.topic)
        self.published.append(published)
        for subscription in topic.sns_backend._get_topic_subscriptions(topic):
            text = (texts or {}).get(subscription.protocol, published.text)
            if _wanted(subscription, published, text):
                self._deliver(published, subscription, text)

    def _deliver(self, published: Published, subscription: Any, text: str) -> None:
        if subscription.protocol in MAILED:
            subject = published.subject or DEFAULT_SUBJECT
            mail = Mail(published.time, published.topic, subscription.endpoint, subject, text)
            self.outbox.append(mail)
        elif _may_send(published.topic, subscription.endpoint):
            body = text if subscription.attributes.get("RawMessageDelivery") else _envelope(published, text)
            self._send(subscription.endpoint, body)

    def _send(self, queue_arn: str, body: str) -> None:
        with self._cloud.administering(account_of(queue_arn)):
            sqs = self._cloud.client("sqs", queue_arn.split(":")[3])
            sqs.send_message(QueueUrl=queue_url(queue_arn), MessageBody=body)


def _topic(arn: str) -> Any:
    """Moto's own topic; raises NotFound."""
    found = sns_backends[account_of(arn)][arn.split(":")[3]].topics.get(arn)
    if found is None:
        raise AwsError("NotFound", "Topic does not exist")
    return found


def _is_mailed(topic: Any) -> bool:
    return any(each.protocol in MAILED for each in topic.sns_backend._get_topic_subscriptions(topic))


def _check_subscription(call: Call) -> None:
    """A subscription nobody here can serve is refused, not silent."""
    if (call.service, call.operation) == ("sns", "Subscribe") and call.parameters["Protocol"] not in (*MAILED, "sqs"):
        protocol = call.parameters["Protocol"]
        raise AwsError("InvalidParameter", f"the sandbox delivers to email, email-json and sqs, not to {protocol}")


def _texts(message: str, structure: str | None) -> dict[str, str]:
    """The message for each protocol."""
    if structure != "json":
        return {"default": message}
    texts: dict[str, str] = json.loads(message)
    if "default" not in texts:
        raise AwsError(
            "InvalidParameter", "Invalid parameter: Message Structure - No default entry in JSON message body"
        )
    return texts


def _attributes(given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    listed = given.get("MessageAttributes") or {}
    return {name: {"Type": each["DataType"], "Value": each.get("StringValue", "")} for name, each in listed.items()}


def _wanted(subscription: Any, published: Published, text: str) -> bool:
    matcher = subscription._filter_policy_matcher
    return matcher is None or bool(matcher.matches(published.attributes, text))


def _may_send(topic: str, queue_arn: str) -> bool:
    queue = queue_of(queue_arn)
    if queue is None:
        return False
    context = {"aws:SourceArn": topic, "aws:SourceAccount": account_of(topic)}
    document = json.loads(queue.policy) if queue.policy else None
    return evaluate(Request(SNS, "sqs:SendMessage", queue_arn, context), resource=document).allowed


def _envelope(published: Published, text: str) -> str:
    known = {"Subject": published.subject} if published.subject else {}
    attributes = {"MessageAttributes": published.attributes} if published.attributes else {}
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": published.id,
            "TopicArn": published.topic,
            **known,
            "Message": text,
            "Timestamp": published.time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            **attributes,
        }
    )

"""SNS: who may publish, and what each subscription receives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.sns.models import sns_backends

from sandbox.aws.gateway import AwsError
from tests.integration.sandbox.deployed import REGION
from tests.integration.sandbox.operations import attributes_of
from tests.integration.sandbox.roles import HUB, acting, allow, code

if TYPE_CHECKING:
    from tests.integration.sandbox.operations import Operations

ALARM = f"arn:aws:cloudwatch:{REGION}:{HUB}:alarm:failures"
CLOUDWATCH: dict[str, Any] = {"Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}


def subscribe(operations: Operations, topic: str, protocol: str, endpoint: str, **attributes: str) -> str:
    answer = operations("sns", "subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)
    return str(answer["SubscriptionArn"])


def test_an_e_mail_lies_in_the_outbox(operations: Operations) -> None:
    topic = operations.topic()
    arn = subscribe(operations, topic, "email", "ops@example.com")
    operations("sns", "publish", TopicArn=topic, Subject="Approve", Message="12 revocations wait")
    (mail,) = operations.sns.outbox
    assert (mail.topic, mail.endpoint, mail.subject, mail.text) == (
        topic,
        "ops@example.com",
        "Approve",
        "12 revocations wait",
    )
    assert mail.time == operations.cloud.clock.now()
    found = operations("sns", "get_subscription_attributes", SubscriptionArn=arn)["Attributes"]
    assert found["PendingConfirmation"] == "false"


def test_a_message_without_a_subject_has_awss(operations: Operations) -> None:
    topic = operations.topic()
    subscribe(operations, topic, "email", "ops@example.com")
    operations("sns", "publish", TopicArn=topic, Message="hello")
    assert operations.sns.outbox[0].subject == "AWS Notification Message"


def test_what_nobody_subscribed_to_is_published_all_the_same(operations: Operations) -> None:
    topic = operations.topic()
    operations("sns", "publish", TopicArn=topic, Message="hello")
    assert [each.text for each in operations.sns.published] == ["hello"]
    assert operations.sns.outbox == []


def test_a_topic_whose_messages_nobody_gets_is_known(operations: Operations) -> None:
    topic, queue = operations.topic(), operations.queue("numbers")
    operations("sns", "publish", TopicArn=topic, Message="hello")
    subscribe(operations, topic, "sqs", queue)
    assert operations.sns.unread() == {topic: 1}
    subscribe(operations, topic, "email", "ops@example.com")
    assert operations.sns.unread() == {}


def test_a_message_may_have_a_text_for_each_protocol(operations: Operations) -> None:
    topic = operations.topic()
    subscribe(operations, topic, "email", "ops@example.com")
    texts = {"default": "for all", "email": "for people"}
    operations("sns", "publish", TopicArn=topic, MessageStructure="json", Message=json.dumps(texts))
    assert operations.sns.outbox[0].text == "for people"
    with pytest.raises(ClientError, match="No default entry"):
        operations("sns", "publish", TopicArn=topic, MessageStructure="json", Message='{"email": "x"}')


def test_a_queue_receives_the_message_in_its_envelope_if_its_policy_lets_sns_in(operations: Operations) -> None:
    topic = operations.topic()
    open_queue, closed = operations.queue("open", "sns.amazonaws.com"), operations.queue("closed")
    for arn in (open_queue, closed):
        subscribe(operations, topic, "sqs", arn)
    operations("sns", "publish", TopicArn=topic, Subject="Approve", Message="hello")
    (received,) = operations.messages(open_queue)
    envelope = json.loads(received["Body"])
    assert (envelope["Type"], envelope["TopicArn"], envelope["Subject"], envelope["Message"]) == (
        "Notification",
        topic,
        "Approve",
        "hello",
    )
    assert operations.messages(closed) == []


def test_a_queue_may_ask_for_the_bare_message_and_for_some_messages_only(operations: Operations) -> None:
    topic, arn = operations.topic(), operations.queue("open", "sns.amazonaws.com")
    policy = json.dumps({"kind": ["budget"]})
    subscribe(operations, topic, "sqs", arn, RawMessageDelivery="true", FilterPolicy=policy)
    for kind in ("budget", "failure"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        operations("sns", "publish", TopicArn=topic, Message=kind, MessageAttributes=attributes)
    assert [message["Body"] for message in operations.messages(arn)] == ["budget"]


def test_an_unsubscribed_endpoint_receives_nothing(operations: Operations) -> None:
    topic = operations.topic()
    arn = subscribe(operations, topic, "email", "ops@example.com")
    operations("sns", "unsubscribe", SubscriptionArn=arn)
    operations("sns", "publish", TopicArn=topic, Message="hello")
    assert operations.sns.outbox == []


@pytest.mark.parametrize("protocol", ["https", "lambda", "sms"])
def test_a_subscription_nobody_here_serves_is_refused(operations: Operations, protocol: str) -> None:
    topic = operations.topic()
    with pytest.raises(ClientError, match=f"not to {protocol}"):
        subscribe(operations, topic, protocol, "somewhere")


def test_what_sns_does_not_take_is_refused(operations: Operations) -> None:
    topic = operations.topic()
    with pytest.raises(ClientError, match="Subject"):
        operations("sns", "publish", TopicArn=topic, Subject="x" * 101, Message="hello")
    with pytest.raises(ClientError) as caught:
        operations("sns", "publish", TopicArn=f"{topic}-not-there", Message="hello")
    assert code(caught) == "NotFound"


def test_a_role_needs_the_permission_to_publish_on_that_topic(operations: Operations) -> None:
    mine, other = operations.topic("mine"), operations.topic("other")
    with acting(operations.cloud, operations.iam, allow("sns:Publish", mine)):
        sns: Any = operations.cloud.client("sns")
        assert sns.publish(TopicArn=mine, Message="hello")["MessageId"]
        with pytest.raises(ClientError, match=f"sns:Publish on resource: {other}") as caught:
            sns.publish(TopicArn=other, Message="hello")
    assert code(caught) == "AccessDenied"


def test_a_service_publishes_if_the_topics_policy_lets_it(operations: Operations) -> None:
    conditions = {"StringEquals": {"aws:SourceAccount": HUB}, "ArnLike": {"aws:SourceArn": f"{ALARM[:-8]}*"}}
    topic = operations.topic(**CLOUDWATCH, Condition=conditions)
    operations.sns.from_service("cloudwatch.amazonaws.com", ALARM, topic, "ALARM", "{}")
    assert len(operations.sns.published) == 1
    with pytest.raises(AwsError, match=r"sns:Publish on resource"):
        operations.sns.from_service("events.amazonaws.com", ALARM, topic, "event", "{}")
    outsiders = ALARM.replace(HUB, "999999999999")
    with pytest.raises(AwsError, match=r"sns:Publish on resource"):
        operations.sns.from_service("cloudwatch.amazonaws.com", outsiders, topic, "ALARM", "{}")


def test_a_topic_with_no_policy_of_its_own_is_open_to_its_account(operations: Operations) -> None:
    topic = operations.topic()
    operations.sns.from_service("cloudwatch.amazonaws.com", ALARM, topic, "ALARM", "{}")
    outsiders = ALARM.replace(HUB, "999999999999")
    with pytest.raises(AwsError, match=r"sns:Publish on resource"):
        operations.sns.from_service("cloudwatch.amazonaws.com", outsiders, topic, "ALARM", "{}")


def test_moto_alone_keeps_no_e_mails() -> None:
    with mock_aws():
        sns = boto3.Session("a", "b", region_name=REGION).client("sns")
        topic = sns.create_topic(Name="operators")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
        sns.publish(TopicArn=topic, Message="hello")
        kept = sns_backends["123456789012"][REGION]
        (subscription,) = kept.subscriptions.values()
    assert "hello" not in str(vars(subscription))


def test_attributes_of_a_raw_message_are_not_lost_in_the_envelope(operations: Operations) -> None:
    topic, arn = operations.topic(), operations.queue("open", "sns.amazonaws.com")
    subscribe(operations, topic, "sqs", arn)
    attributes = {"kind": {"DataType": "String", "StringValue": "budget"}}
    operations("sns", "publish", TopicArn=topic, Message="hello", MessageAttributes=attributes)
    (received,) = operations.messages(arn)
    assert json.loads(received["Body"])["MessageAttributes"] == {"kind": {"Type": "String", "Value": "budget"}}
    assert "MessageAttributes" not in received or attributes_of(received) == {}

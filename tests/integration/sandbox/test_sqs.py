"""SQS on the sandbox's clock, and dead letters on their way back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.integration.sandbox.operations import url
from tests.integration.sandbox.roles import HUB, acting, allow, code, wait

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud
    from tests.integration.sandbox.operations import Operations


def dead_letters(operations: Operations) -> tuple[str, str]:
    """A queue and its dead-letter queue, with one message that was received too often."""
    dead = operations.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1})
    live = operations.queue("live", RedrivePolicy=policy, VisibilityTimeout="30")
    operations.send(live, "poison")
    for _ in range(2):
        operations.messages(live)
        operations.wait(31)
    return live, dead


def bodies(operations: Operations, arn: str) -> list[str]:
    return [message["Body"] for message in operations.messages(arn)]


def test_a_message_is_hidden_for_its_timeout_in_the_sandboxs_time(operations: Operations) -> None:
    arn = operations.queue("work", VisibilityTimeout="3600")
    operations.send(arn)
    assert len(operations.messages(arn)) == 1
    operations.wait(3_500)
    assert operations.messages(arn) == []
    operations.wait(200)
    (message,) = operations.messages(arn)
    sent = operations.cloud.clock.now().timestamp() - 3_700
    assert int(message["Attributes"]["SentTimestamp"]) == pytest.approx(sent * 1000, abs=1000)


def test_moto_alone_reports_a_messages_age_in_real_time(cloud: Cloud) -> None:
    with cloud.administering(HUB):
        sqs: Any = cloud.client("sqs")
        queue = sqs.create_queue(QueueName="work")["QueueUrl"]
        for _ in range(2):
            sqs.send_message(QueueUrl=queue, MessageBody="{}")
            wait(cloud, 24 * 3_600)
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=2, AttributeNames=["SentTimestamp"])
    first, second = (int(message["Attributes"]["SentTimestamp"]) for message in answer["Messages"])
    assert second - first < 24 * 3_600 * 1_000


def test_a_receiver_that_would_wait_is_answered_at_once(operations: Operations) -> None:
    arn = operations.queue("work", ReceiveMessageWaitTimeSeconds="20")
    answer = operations("sqs", "receive_message", QueueUrl=url(arn), WaitTimeSeconds=20)
    assert "Messages" not in answer


def test_setting_another_attribute_keeps_a_queues_policy(operations: Operations) -> None:
    arn = operations.queue("work", "events.amazonaws.com")
    operations("sqs", "set_queue_attributes", QueueUrl=url(arn), Attributes={"VisibilityTimeout": "60"})
    kept = operations("sqs", "get_queue_attributes", QueueUrl=url(arn), AttributeNames=["All"])["Attributes"]
    assert (json.loads(kept["Policy"])["Statement"][0]["Resource"], kept["VisibilityTimeout"]) == (arn, "60")


def test_moto_alone_forgets_the_policy_when_another_attribute_is_set() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}]}
    with mock_aws():
        sqs = boto3.Session("a", "b", region_name="eu-west-1").client("sqs")
        queue = sqs.create_queue(QueueName="work", Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "60"})
        kept = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert "Policy" not in kept


def test_dead_letters_are_moved_back_to_the_queue_they_came_from(operations: Operations) -> None:
    live, dead = dead_letters(operations)
    assert operations("sqs", "start_message_move_task", SourceArn=dead)["TaskHandle"]
    (running,) = operations("sqs", "list_message_move_tasks", SourceArn=dead)["Results"]
    assert (running["Status"], running["ApproximateNumberOfMessagesToMove"]) == ("RUNNING", 1)
    operations.run()
    (ended,) = operations("sqs", "list_message_move_tasks", SourceArn=dead)["Results"]
    assert (ended["Status"], ended["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert (bodies(operations, dead), bodies(operations, live)) == ([], ["poison"])


def test_dead_letters_may_be_moved_elsewhere(operations: Operations) -> None:
    _, dead = dead_letters(operations)
    elsewhere = operations.queue("elsewhere")
    operations("sqs", "start_message_move_task", SourceArn=dead, DestinationArn=elsewhere)
    operations.run()
    assert bodies(operations, elsewhere) == ["poison"]


def test_only_a_queue_of_queues_dead_letters_is_redriven(operations: Operations) -> None:
    arn = operations.queue("of-a-rule")
    with pytest.raises(ClientError, match="must be configured as a Dead Letter Queue") as caught:
        operations("sqs", "start_message_move_task", SourceArn=arn)
    assert code(caught) == "InvalidParameterValue"
    with pytest.raises(ClientError) as caught:
        operations("sqs", "start_message_move_task", SourceArn=f"{arn}-not-there")
    assert code(caught) == "ResourceNotFoundException"


def test_a_redrive_is_one_at_a_time_and_can_be_cancelled(operations: Operations) -> None:
    _, dead = dead_letters(operations)
    handle = operations("sqs", "start_message_move_task", SourceArn=dead)["TaskHandle"]
    with pytest.raises(ClientError, match="already a task running"):
        operations("sqs", "start_message_move_task", SourceArn=dead)
    operations("sqs", "cancel_message_move_task", TaskHandle=handle)
    operations.run()
    assert bodies(operations, dead) == ["poison"]
    with pytest.raises(ClientError) as caught:
        operations("sqs", "cancel_message_move_task", TaskHandle=handle)
    assert code(caught) == "ResourceNotFoundException"


def test_with_two_queues_behind_it_a_redrive_must_name_its_destination(operations: Operations) -> None:
    _, dead = dead_letters(operations)
    operations.queue("second", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1}))
    with pytest.raises(ClientError, match="name one"):
        operations("sqs", "start_message_move_task", SourceArn=dead)


def test_a_role_works_on_its_own_queue_only(operations: Operations) -> None:
    mine, other = operations.queue("mine"), operations.queue("other")
    actions = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    with acting(operations.cloud, operations.iam, allow(actions, mine)):
        sqs: Any = operations.cloud.client("sqs")
        sqs.send_message(QueueUrl=url(mine), MessageBody="{}")
        (received,) = sqs.receive_message(QueueUrl=url(mine))["Messages"]
        sqs.delete_message(QueueUrl=url(mine), ReceiptHandle=received["ReceiptHandle"])
        assert sqs.get_queue_attributes(QueueUrl=url(mine), AttributeNames=["QueueArn"])["Attributes"]
        with pytest.raises(ClientError, match=f"sqs:SendMessage on resource: {other}"):
            sqs.send_message(QueueUrl=url(other), MessageBody="{}")


def test_a_redrive_asks_for_what_it_does_to_both_queues(operations: Operations) -> None:
    _, dead = dead_letters(operations)
    elsewhere = operations.queue("elsewhere")
    moving = ["sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    with (
        acting(operations.cloud, operations.iam, allow(moving, dead)),
        pytest.raises(ClientError, match=f"sqs:SendMessage on resource: {elsewhere}"),
    ):
        operations.cloud.client("sqs").start_message_move_task(SourceArn=dead, DestinationArn=elsewhere)

"""What the hub publishes on its bus: what became of each connection, as docs/reference/events.md says."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError

from control_plane.published_events import Detail, PublishedEvent
from sandbox.aws.identity import acting_as
from tests.contract import event_pages, project
from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.organization import Sandbox

BUS = "quick-onboarding"
SCHEMA = jsonschema.Draft202012Validator(json.loads(event_pages.schema()))
PATTERN = {"source": ["quick-onboarding"]}


class Listening(Story):
    """A hub, and somebody's queue that gets what it publishes."""

    def listen(self) -> None:
        """Have a queue get every event of ours."""
        queue = self._client("sqs").create_queue(QueueName="listener")["QueueUrl"]
        events, place = self._client("events"), self.world.cloud.topology
        arn = f"arn:aws:sqs:{place.region}:{place.hub}:listener"
        allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
        self._client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
        events.put_rule(Name="listener", EventBusName=BUS, EventPattern=json.dumps(PATTERN))
        events.put_targets(Rule="listener", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])

    def heard(self) -> list[dict[str, Any]]:
        """The events since the last time, each as model and schema say."""
        client, found = self._client("sqs"), []
        queue = client.get_queue_url(QueueName="listener")["QueueUrl"]
        while messages := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(each["Body"]) for each in messages]
            for each in messages:
                client.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        for each in found:
            SCHEMA.validate(each)
            PublishedEvent.model_validate(each)
            assert set(each["detail"]) == set(Detail.model_fields)
        return found

    @contextmanager
    def as_the_machine(self) -> Iterator[Any]:
        """A client; calls inside are ReconcileConnection's."""
        with self.world.cloud.administering(self.world.cloud.topology.hub):
            roles = self.world.cloud.client("iam").get_paginator("list_roles").paginate().build_full_result()["Roles"]
        (arn,) = [each["Arn"] for each in roles if "ReconcileConnectionRole" in each["RoleName"]]
        documents = self.world.iam.documents_of(arn)
        assert documents
        with acting_as(self.world.cloud.identities.role_session(documents.principal)):
            yield self.world.cloud.client("events")

    def _client(self, service: str) -> Any:
        return self.world.boto3_session(self.world.cloud.topology.hub).client(service)  # type: ignore[call-overload]


@derived(world)
def listening(world: Sandbox) -> Listening:
    """Somebody listens."""
    story = Listening(world)
    story.listen()
    return story


@derived(listening)
def without_grace(listening: Listening) -> Listening:
    """What is untagged is removed at once."""
    listening.world.deploy(GracePeriodDays="0")
    return listening


def test_each_end_of_a_connection_is_published_and_starts_nothing(without_grace: Listening) -> None:
    listening, account_id = without_grace, without_grace.tagged()
    (connected,) = listening.heard()
    detail = connected["detail"]
    assert (connected["source"], connected["detail-type"]) == ("quick-onboarding", "Account Connected")
    assert (detail["version"], detail["account_id"], detail["profile"]) == ("1", account_id, "default")
    assert (detail["action"], detail["status"], detail["error"]) == ("connect", "connected", "")
    assert detail["execution"] in {each.arn for each in listening.executions("ReconcileConnection")}
    listening.world.untag(account_id)
    listening.run(1200)
    (removed,) = listening.heard()
    assert (removed["detail-type"], removed["detail"]["status"]) == ("Account Removed", "removed")
    assert len(listening.executions("RouteEvent")) == 2, "for the tag and for its end"


def test_a_connection_that_is_quarantined_is_published(listening: Listening) -> None:
    account_id = listening.tagged()
    listening.heard()
    listening.world.untag(account_id)
    listening.run(1200)
    (quarantined,) = listening.heard()
    assert (quarantined["detail-type"], quarantined["detail"]["action"]) == ("Account Quarantined", "quarantine")


def test_a_failure_is_published_with_cause_and_remedy(listening: Listening) -> None:
    account_id = listening.tagged(value="no-such-profile")
    (failed,) = listening.heard()
    detail = failed["detail"]
    assert (failed["detail-type"], detail["account_id"], detail["error"]) == (
        "Connection Failed",
        account_id,
        "UnknownProfile",
    )


def test_whoever_wants_it_gets_a_line_for_each_failure(listening: Listening) -> None:
    sns = listening._client("sns")
    topic = sns.create_topic(Name="each-failure")["TopicArn"]
    line = json.loads(project.reference("events").split("```json")[1].split("```")[0])
    target = {"Id": "topic", "Arn": topic, "InputTransformer": line}
    listening._client("events").put_targets(Rule="listener", EventBusName=BUS, Targets=[target])

    def lines_after(service: str, name: str) -> list[str]:
        """What the topic has had when it lets a service publish and an account of that name has failed."""
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sns:Publish", "Resource": topic}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        listening.tagged(name, "no-such-profile")
        return [json.loads(each.text) for each in listening.world.sns.published if each.topic == topic]

    assert lines_after("cloudwatch.amazonaws.com", "marketing") == []
    assert [each.code for each in listening.world.events.undelivered] == ["NO_PERMISSIONS"]
    (text,) = lines_after("events.amazonaws.com", "sales")
    assert "(sales), profile no-such-profile: UnknownProfile. Likely: " in text
    assert text.endswith(f" More: quickctl explain {text.split()[3]}")


def test_a_query_that_fails_is_published_with_cause_and_remedy(listening: Listening) -> None:
    account_id = listening.member()
    listening.world.tag(account_id, "enabled")
    while not listening.proofs():
        listening.run(1)
    iam: Any = listening.world.boto3_session(account_id).client("iam")
    iam.delete_role_policy(RoleName="quick-athena-default", PolicyName="query-athena")
    listening.world.iam.settle()
    listening.run(1200)
    (degraded,) = listening.heard()
    assert (degraded["detail-type"], degraded["detail"]["account_id"]) == ("Connection Degraded", account_id)


def test_what_is_not_the_accounts_fault_is_no_error_of_its_connection(listening: Listening) -> None:
    listening.world.quick.spice_is_full = True
    listening.tagged()
    (connected,) = listening.heard()
    assert (connected["detail-type"], connected["detail"]["error"]) == ("Account Connected", "")


def test_the_machine_can_publish_as_the_hub_but_not_as_organizations(listening: Listening) -> None:
    entry = {"EventBusName": BUS, "Source": "quick-onboarding", "DetailType": "any", "Detail": "{}"}
    with listening.as_the_machine() as events:
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        with pytest.raises(ClientError, match="not authorized"):
            events.put_events(Entries=[entry | {"Source": "aws.organizations"}])

"""What the hub publishes on its bus: what became of each connection, as docs/reference/events.md says."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.identity import acting_as
from tests.contract import project
from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.organization import Sandbox

BUS, MACHINE = "quick-onboarding", "reconcile_connection.asl.yaml"
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
        """The events since the last time."""
        client, found = self._client("sqs"), []
        queue = client.get_queue_url(QueueName="listener")["QueueUrl"]
        while messages := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(each["Body"]) for each in messages]
            for each in messages:
                client.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
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
    world.deploy(GracePeriodDays="0")
    story = Listening(world)
    story.listen()
    return story


def _documented() -> tuple[set[str], set[str]]:
    """The page's detail-types, and its fields of a detail."""
    rows = project.tables(project.reference("events"))["What the hub publishes"]
    found = {code for row in rows for code in project.codes(row[0])}
    kinds = {each for each in found if " " in each}
    return kinds, found - kinds


def test_each_end_of_a_connection_is_published_as_the_page_says_and_starts_nothing(listening: Listening) -> None:
    account_id = listening.tagged()
    (connected,) = listening.heard()
    detail = connected["detail"]
    assert (connected["source"], connected["detail-type"]) == ("quick-onboarding", "Account Connected")
    assert set(detail) == _documented()[1]
    assert (detail["version"], detail["account_id"], detail["profile"]) == ("1", account_id, "default")
    assert (detail["action"], detail["status"], detail["error"]) == ("connect", "connected", "")
    assert detail["execution"] in {each.arn for each in listening.executions("ReconcileConnection")}
    listening.world.untag(account_id)
    listening.run(1200)
    (removed,) = listening.heard()
    assert (removed["detail-type"], removed["detail"]["status"]) == ("Account Removed", "removed")
    assert set(removed["detail"]) == set(detail)
    assert len(listening.executions("RouteEvent")) == 2, "for the tag and for its end"


def test_a_failure_is_published_with_cause_and_remedy(listening: Listening) -> None:
    account_id = listening.tagged(value="no-such-profile")
    (failed,) = listening.heard()
    detail = failed["detail"]
    assert (failed["detail-type"], detail["account_id"], detail["status"]) == (
        "Connection Failed",
        account_id,
        "failed",
    )
    assert set(detail) == _documented()[1]
    assert detail["error"] == "UnknownProfile"
    assert detail["cause"]
    assert detail["remedy"]


def test_the_page_names_every_kind_of_event() -> None:
    published = re.findall(r"'((?:Account|Connection) \w+)'|DetailType: (\w+ \w+)", project.machine_text(MACHINE))
    assert {one or other for one, other in published} == _documented()[0]


def test_the_machine_can_publish_as_the_hub_but_not_as_organizations(listening: Listening) -> None:
    entry = {"EventBusName": BUS, "Source": "quick-onboarding", "DetailType": "any", "Detail": "{}"}
    with listening.as_the_machine() as events:
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        with pytest.raises(ClientError, match="not authorized"):
            events.put_events(Entries=[entry | {"Source": "aws.organizations"}])

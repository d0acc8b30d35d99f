"""What an account finds in its event history."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.cloud import ORGANIZATIONS_REGION
from sandbox.aws.identity import acting_as
from sandbox.aws.services.cloudtrail_history import DELIVERY_SECONDS, EventHistory
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.organizations import Organizations
from sandbox.aws.services.sts import AssumeRoleRequest, Sts
from tests.integration.sandbox.roles import MEMBER, allow, create_role, trusting, wait

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

EXTERNAL_ID = "arn:aws:example:::it"


class History:
    """An organization, and a look into the history of its accounts."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud: Any = cloud
        self.organizations = Organizations(cloud)
        self.iam = Iam(cloud, propagation_seconds=0)
        self.sts = Sts(cloud, self.iam)
        EventHistory(cloud, self.sts, self.organizations.trail)
        self.organizations.create_organization()

    def wait(self, seconds: float = DELIVERY_SECONDS) -> None:
        """Time passes."""
        wait(self.cloud, seconds)

    def answer(self, account: str, region: str, **options: Any) -> Any:
        """What LookupEvents answers."""
        with self.cloud.administering(account):
            return self.cloud.client("cloudtrail", region).lookup_events(**options)

    def of(self, account: str, name: str, region: str | None = None) -> list[Any]:
        """The records of the events of that name, the newest first."""
        attribute = {"AttributeKey": "EventName", "AttributeValue": name}
        found = self.answer(account, region or self.cloud.topology.region, LookupAttributes=[attribute])["Events"]
        return [json.loads(each["CloudTrailEvent"]) for each in found]


@pytest.fixture
def history(cloud: Cloud) -> History:
    return History(cloud)


def make_topics(history: History, *names: str) -> None:
    with history.cloud.administering(history.cloud.topology.hub):
        for name in names:
            history.cloud.client("sns").create_topic(Name=name)
            history.wait(1)


def test_a_call_is_found_by_name_in_its_account_and_region(history: History) -> None:
    place = history.cloud.topology
    make_topics(history, "news")
    assert history.of(place.hub, "CreateTopic") == []
    history.wait()
    (found,) = history.of(place.hub, "CreateTopic")
    assert found["requestParameters"]["name"] == "news"
    assert (found["eventSource"], found["readOnly"], found["recipientAccountId"]) == (
        "sns.amazonaws.com",
        False,
        place.hub,
    )
    assert found["userIdentity"]["accountId"] == place.hub
    assert history.of(place.hub, "CreateTopic", ORGANIZATIONS_REGION) == []
    assert history.of(place.management, "CreateTopic") == []


def test_pages_and_times_are_as_asked(history: History) -> None:
    place, clock = history.cloud.topology, history.cloud.clock
    began = clock.now()
    make_topics(history, "one", "two", "three")
    history.wait()
    by_source: Any = {"LookupAttributes": [{"AttributeKey": "EventSource", "AttributeValue": "sns.amazonaws.com"}]}
    first = history.answer(place.hub, place.region, MaxResults=2, **by_source)
    rest = history.answer(place.hub, place.region, MaxResults=2, NextToken=first["NextToken"], **by_source)
    names = [json.loads(each["CloudTrailEvent"])["requestParameters"]["name"] for each in first["Events"]]
    assert names == ["three", "two"]
    assert [each["EventTime"] for each in rest["Events"]] == [began]
    assert "NextToken" not in rest
    early = history.answer(place.hub, place.region, EndTime=began + timedelta(seconds=1), **by_source)["Events"]
    late = history.answer(place.hub, place.region, StartTime=began + timedelta(seconds=2), **by_source)["Events"]
    assert (len(early), len(late)) == (2, 1)
    history.wait(90 * 86_400)
    assert history.answer(place.hub, place.region, **by_source)["Events"] == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": "1"}] * 2}, "InvalidLookupAttributes"),
        ({"NextToken": "further"}, "InvalidNextToken"),
        ({"StartTime": "2027-01-01T00:00:00Z", "EndTime": "2026-01-01T00:00:00Z"}, "InvalidTimeRange"),
    ],
)
def test_a_lookup_that_cannot_be_is_refused(history: History, options: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=f"{code}Exception"):
        history.answer(history.cloud.topology.hub, ORGANIZATIONS_REGION, **options)


def test_data_events_are_in_nobodys_history(history: History) -> None:
    hub = history.cloud.topology.hub
    with history.cloud.administering(hub):
        queue = history.cloud.client("sqs").create_queue(QueueName="letters")["QueueUrl"]
        history.cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="a letter")
    history.wait()
    assert history.of(hub, "CreateQueue")
    assert history.of(hub, "SendMessage") == []


def test_a_refused_call_has_its_error_code(history: History) -> None:
    hub = history.cloud.topology.hub
    with history.cloud.administering(hub):
        client = history.cloud.client("iam")
        with pytest.raises(ClientError):
            client.get_role(RoleName="nobody")
    history.wait()
    (found,) = history.of(hub, "GetRole", ORGANIZATIONS_REGION)
    assert (found["errorCode"], found["readOnly"]) == ("NoSuchEntity", True)


def chained(history: History, external_id: str) -> str:
    """A role of the hub assumes a role of a member, or tries to; answers the member's role."""
    hub = history.cloud.topology.hub
    trust = trusting({"AWS": hub}, StringEquals={"sts:ExternalId": EXTERNAL_ID})
    caller = create_role(
        history.cloud, "caller", [allow("sts:AssumeRole")], trusting({"Service": "example.amazonaws.com"})
    )
    role = create_role(history.cloud, "asked", trust=trust, account=MEMBER)
    session = history.sts.as_service("example.amazonaws.com", AssumeRoleRequest(caller, "first"))
    with acting_as(session):
        client = history.cloud.client("sts")
        asked = {"RoleArn": role, "RoleSessionName": "second", "ExternalId": external_id}
        if external_id == EXTERNAL_ID:
            client.assume_role(**asked)
        else:
            with pytest.raises(ClientError):
                client.assume_role(**asked)
    history.wait()
    return role


def test_an_assumed_role_is_in_the_history_of_both_accounts(history: History) -> None:
    role = chained(history, EXTERNAL_ID)
    (of_caller, _) = history.of(history.cloud.topology.hub, "AssumeRole")
    (of_role,) = history.of(MEMBER, "AssumeRole")
    assert of_caller["requestParameters"] == {
        "roleArn": role,
        "roleSessionName": "second",
        "externalId": EXTERNAL_ID,
    }
    assert of_caller["userIdentity"]["arn"].endswith("assumed-role/caller/first")
    assert of_role["userIdentity"]["type"] == "AWSAccount"
    assert of_role["sharedEventID"] == of_caller["sharedEventID"]
    assert of_role["resources"][0]["ARN"] == role


def test_a_service_that_assumes_a_role_is_named(history: History) -> None:
    chained(history, EXTERNAL_ID)
    first = history.of(history.cloud.topology.hub, "AssumeRole")[-1]
    assert first["userIdentity"] == {"type": "AWSService", "invokedBy": "example.amazonaws.com"}


def test_a_refused_assume_role_keeps_its_parameters_to_itself(history: History) -> None:
    role = chained(history, "another")
    refused = history.of(history.cloud.topology.hub, "AssumeRole")[0]
    assert (refused["errorCode"], refused["requestParameters"]) == ("AccessDenied", None)
    assert refused["errorMessage"].endswith(role)
    assert refused["resources"] == []


def test_organizations_events_are_in_the_history_in_the_shape_they_are_sent_in(history: History) -> None:
    place = history.cloud.topology
    with history.cloud.administering(place.management):
        organizations = history.cloud.client("organizations", ORGANIZATIONS_REGION)
        for number in range(2):
            organizations.tag_resource(ResourceId=place.hub, Tags=[{"Key": "color", "Value": str(number)}])
            history.organizations.trail.reshaped["TagResource"] = lambda detail: {**detail, "requestParameters": {}}
    history.wait()
    late, early = history.of(place.management, "TagResource", ORGANIZATIONS_REGION)
    assert early["requestParameters"] == {"resourceId": place.hub, "tags": [{"key": "color", "value": "0"}]}
    assert late["requestParameters"] == {}


def test_moto_alone_looks_up_nothing(cloud: Cloud) -> None:
    with cloud.administering(cloud.topology.hub), pytest.raises(NotImplementedError):
        cloud.client("cloudtrail").lookup_events()

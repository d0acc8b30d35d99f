"""EventBridge as AWS has it, through the gateway; beside each difference from moto, moto alone where that is cheap."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.events.models import EventPattern
from moto.iam.models import iam_backends

from sandbox.aws.clock import VirtualClock
from sandbox.aws.cloud import Cloud
from sandbox.aws.services.events import DeliveryFaults, Events, TargetError
from sandbox.aws.services.events.buses import Bus
from sandbox.aws.services.events.inputs import target_input
from sandbox.aws.services.iam_documents import NoSuchRole, role_documents, role_documents_of
from sandbox.aws.services.organizations import Organizations

MANAGEMENT, HUB = "111122223333", "444455556666"
HUB_BUS = f"arn:aws:events:eu-west-1:{HUB}:event-bus/quick"
MACHINE = f"arn:aws:states:eu-west-1:{HUB}:stateMachine:reconcile"
TAGGED = {"source": ["aws.organizations"], "detail": {"requestParameters": {"tags": {"key": ["quick-athena"]}}}}


def envelope(number: int = 1) -> dict[str, Any]:
    """A TagResource event."""
    return {
        "version": "0",
        "id": f"00000000-0000-0000-0000-{number:012}",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.organizations",
        "account": MANAGEMENT,
        "time": "2026-11-24T08:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "eventName": "TagResource",
            "requestParameters": {
                "resourceId": "777788889999",
                "tags": [{"key": "owner", "value": "ann"}, {"key": "quick-athena", "value": "enabled"}],
            },
        },
    }


@pytest.fixture
def organizations(cloud: Cloud) -> Organizations:
    service = Organizations(cloud)
    service.create_organization()
    return service


@pytest.fixture
def events(cloud: Cloud, organizations: Organizations) -> Events:
    assert organizations.management_account == MANAGEMENT
    return Events(cloud)


@pytest.fixture
def started(events: Events) -> list[Any]:
    """What state machines were started with."""
    inputs: list[Any] = []
    events.targets["states"] = lambda _arn, _role, handed: inputs.append(handed)
    return inputs


@pytest.fixture
def moto_alone() -> Iterator[Any]:
    """EventBridge as moto has it without us, and a queue."""
    with mock_aws():
        session = boto3.Session("a", "b", region_name="us-east-1")
        yield session


def settle(cloud: Cloud) -> None:
    """Let everything happen that is under way."""
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.run()


def allow(action: str, resource: str = "*") -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    }


def trust(service: str = "events.amazonaws.com") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(
    cloud: Cloud, account: str, name: str, policy: Mapping[str, Any], trusted: Mapping[str, Any] | None = None
) -> str:
    """A role with one inline policy; answers its ARN."""
    with cloud.administering(account):
        iam = cloud.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trusted or trust()))
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy))
    return f"arn:aws:iam::{account}:role/{name}"


def rule(
    cloud: Cloud, bus: Bus, target: Mapping[str, Any], pattern: Mapping[str, Any] = TAGGED, name: str = "rule"
) -> None:
    """A rule on a bus with one target."""
    with cloud.administering(bus.account):
        client = cloud.client("events", bus.region)
        client.put_rule(Name=name, EventBusName=bus.name, EventPattern=json.dumps(pattern))
        client.put_targets(Rule=name, EventBusName=bus.name, Targets=[{"Id": name, **target}])


MANAGEMENT_BUS = Bus(MANAGEMENT, "us-east-1", "default")
QUICK_BUS = Bus(HUB, "eu-west-1", "quick")


def start_machine(cloud: Cloud, bus: Bus = QUICK_BUS, **more: Any) -> None:
    """A rule on the bus that starts the state machine."""
    role_arn = role(cloud, bus.account, "start", allow("states:StartExecution", MACHINE))
    rule(cloud, bus, {"Arn": MACHINE, "RoleArn": role_arn, **more}, name="start")


def statement(principal: Any, **condition: Any) -> dict[str, Any]:
    """Lets somebody put events on the hub's bus."""
    given = {"Sid": "forwarding", "Effect": "Allow", "Principal": principal, "Action": "events:PutEvents"}
    return given | {"Resource": HUB_BUS} | ({"Condition": condition} if condition else {})


def hub_bus(cloud: Cloud, *statements: Mapping[str, Any]) -> None:
    """The hub's bus with its policy."""
    with cloud.administering(HUB):
        client = cloud.client("events")
        client.create_event_bus(Name="quick")
        if statements:
            policy = {"Version": "2012-10-17", "Statement": statements}
            client.put_permission(EventBusName="quick", Policy=json.dumps(policy))


def forward(cloud: Cloud, policy: Mapping[str, Any] | None = None, trusted: Mapping[str, Any] | None = None) -> None:
    """The management account's rule that sends events to the hub's bus."""
    role_arn = role(cloud, MANAGEMENT, "forward", policy or allow("events:PutEvents", HUB_BUS), trusted)
    rule(cloud, MANAGEMENT_BUS, {"Arn": HUB_BUS, "RoleArn": role_arn})


def publish(cloud: Cloud, events: Events, bus: Bus = MANAGEMENT_BUS, number: int = 1) -> None:
    """One event on a bus, and everything that follows."""
    events.publish(bus.account, bus.region, bus.name, envelope(number))
    settle(cloud)


def queue(cloud: Cloud, account: str, region: str, name: str, *, open_to_events: bool = True) -> str:
    """A queue that EventBridge may send to, or may not; answers its ARN."""
    arn = f"arn:aws:sqs:{region}:{account}:{name}"
    sender = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [sender | {"Resource": arn}]}
    with cloud.administering(account):
        client = cloud.client("sqs", region)
        attributes = {"Policy": json.dumps(policy)} if open_to_events else {}
        client.create_queue(QueueName=name, Attributes=attributes)
    return arn


def messages(cloud: Cloud, arn: str) -> list[dict[str, Any]]:
    """What lies in a queue."""
    _, _, _, region, account, name = arn.split(":")
    with cloud.administering(account):
        client = cloud.client("sqs", region)
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return list(answer.get("Messages", []))


def attributes_of(message: Mapping[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


# --- from account to account


def test_an_event_crosses_accounts_and_regions_and_starts_the_machine(
    cloud: Cloud, events: Events, started: list[Any]
) -> None:
    hub_bus(cloud, statement({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
    forward(cloud)
    start_machine(cloud)
    publish(cloud, events)
    assert started == [envelope()]
    assert events.undelivered == []
    assert (cloud.clock.now() - datetime(2026, 11, 24, 8, tzinfo=UTC)).total_seconds() == 2  # two buses


@pytest.mark.parametrize("organization", ["o-exampleorg", "o-another0000"])
def test_a_bus_may_be_open_to_one_organization(
    cloud: Cloud, events: Events, started: list[Any], organization: str
) -> None:
    hub_bus(cloud, statement("*", StringEquals={"aws:PrincipalOrgID": organization}))
    forward(cloud)
    start_machine(cloud)
    publish(cloud, events)
    assert len(started) == (organization == "o-exampleorg")


def test_a_bus_may_be_open_to_part_of_the_organization(
    cloud: Cloud, events: Events, started: list[Any], organizations: Organizations
) -> None:
    path = f"{organizations.organization_id}/{organizations.root_id}/*"
    hub_bus(cloud, statement("*", **{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": path}}))
    forward(cloud)
    start_machine(cloud)
    publish(cloud, events)
    assert len(started) == 1


def only_undelivered(events: Events) -> tuple[str, str]:
    (refused,) = events.undelivered
    return refused.code, refused.message


def test_a_bus_without_a_policy_takes_nothing_from_other_accounts(
    cloud: Cloud, events: Events, started: list[Any]
) -> None:
    hub_bus(cloud)
    forward(cloud)
    start_machine(cloud)
    publish(cloud, events)
    code, message = only_undelivered(events)
    assert (started, code) == ([], "NO_PERMISSIONS")
    assert "no resource-based policy allows the events:PutEvents action" in message


def test_the_rules_role_must_allow_putting_events_on_that_bus(cloud: Cloud, events: Events) -> None:
    hub_bus(cloud, statement({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
    forward(cloud, policy=allow("events:PutEvents", HUB_BUS + "2"))
    publish(cloud, events)
    code, message = only_undelivered(events)
    assert code == "NO_PERMISSIONS"
    assert "no identity-based policy allows the events:PutEvents action" in message


def test_the_rules_role_must_trust_eventbridge(cloud: Cloud, events: Events) -> None:
    hub_bus(cloud, statement({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
    forward(cloud, trusted=trust("lambda.amazonaws.com"))
    publish(cloud, events)
    assert only_undelivered(events)[0] == "FAILED_TO_ASSUME_ROLE"


@pytest.mark.parametrize(
    ("role_arn", "code"),
    [
        (None, "NO_PERMISSIONS"),
        (f"arn:aws:iam::{MANAGEMENT}:role/deleted", "FAILED_TO_ASSUME_ROLE"),
        (f"arn:aws:iam::{HUB}:role/start", "FAILED_TO_ASSUME_ROLE"),
    ],
)
def test_the_rule_needs_a_role_of_its_own_account(
    cloud: Cloud, events: Events, role_arn: str | None, code: str
) -> None:
    hub_bus(cloud, statement({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
    start_machine(cloud)
    rule(cloud, MANAGEMENT_BUS, {"Arn": HUB_BUS} | ({"RoleArn": role_arn} if role_arn else {}))
    publish(cloud, events)
    assert only_undelivered(events)[0] == code


def test_an_event_is_not_sent_on_to_a_third_bus(cloud: Cloud, events: Events) -> None:
    hub_bus(cloud, statement({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
    forward(cloud)
    third = role(cloud, HUB, "third", allow("events:PutEvents"))
    for number, (account, region) in enumerate([("777788889999", "eu-west-1"), (HUB, "eu-west-1")]):
        arn = f"arn:aws:events:{region}:{account}:event-bus/default"
        rule(cloud, QUICK_BUS, {"Arn": arn, "RoleArn": third}, name=f"third{number}")
    publish(cloud, events)
    assert {refused.code for refused in events.undelivered} == {
        "THIRD_ACCOUNT_HOP_DETECTED",
        "THIRD_REGION_HOP_DETECTED",
    }


def test_a_bus_that_is_gone_is_no_target(cloud: Cloud, events: Events) -> None:
    forward(cloud)
    publish(cloud, events)
    assert only_undelivered(events)[0] == "NO_RESOURCE"


def test_the_machines_role_must_allow_starting_it(cloud: Cloud, events: Events, started: list[Any]) -> None:
    hub_bus(cloud)
    role_arn = role(cloud, HUB, "start", allow("states:StartExecution", MACHINE + "2"))
    rule(cloud, QUICK_BUS, {"Arn": MACHINE, "RoleArn": role_arn})
    publish(cloud, events, QUICK_BUS)
    assert (started, only_undelivered(events)[0]) == ([], "NO_PERMISSIONS")


def test_moto_alone_crosses_accounts_without_any_permission(moto_alone: Any) -> None:
    client = moto_alone.client("events")
    client.put_rule(Name="rule", EventPattern=json.dumps({"source": ["mine"]}))
    elsewhere = f"arn:aws:events:us-east-1:{HUB}:event-bus/default"
    client.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": elsewhere}])
    entry = {"Source": "mine", "DetailType": "t", "Detail": "{}"}
    assert client.put_events(Entries=[entry])["FailedEntryCount"] == 0


# --- rules


def test_a_disabled_rule_delivers_nothing(cloud: Cloud, events: Events, started: list[Any]) -> None:
    hub_bus(cloud)
    start_machine(cloud)
    with cloud.administering(HUB):
        cloud.client("events").disable_rule(Name="start", EventBusName="quick")
    publish(cloud, events, QUICK_BUS)
    assert started == []
    with cloud.administering(HUB):
        cloud.client("events").enable_rule(Name="start", EventBusName="quick")
    publish(cloud, events, QUICK_BUS)
    assert len(started) == 1


def test_a_rule_finds_a_key_among_tags(cloud: Cloud, events: Events) -> None:
    assert events.undelivered == []
    with cloud.administering(HUB):
        client = cloud.client("events")
        found = client.test_event_pattern(EventPattern=json.dumps(TAGGED), Event=json.dumps(envelope()))
    assert found["Result"] is True


def test_moto_alone_finds_no_key_among_tags() -> None:
    assert not EventPattern.load(json.dumps(TAGGED)).matches_event(envelope())


def test_a_rule_that_does_not_match_delivers_nothing(cloud: Cloud, events: Events, started: list[Any]) -> None:
    hub_bus(cloud)
    start_machine(cloud)
    events.publish(HUB, "eu-west-1", "quick", {**envelope(), "source": "aws.controltower"})
    settle(cloud)
    assert started == []


def test_putting_a_rule_checks_its_pattern(cloud: Cloud, events: Events) -> None:
    assert events.undelivered == []
    with cloud.administering(HUB), pytest.raises(ClientError) as caught:
        cloud.client("events").put_rule(Name="r", EventPattern=json.dumps({"source": [{"matches": "x"}]}))
    assert caught.value.response["Error"]["Code"] == "InvalidEventPatternException"


# --- what a target receives


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"Input": '{"sweep": true}'}, {"sweep": True}),
        ({"InputPath": "$.detail.requestParameters.resourceId"}, "777788889999"),
        ({"InputPath": "$.detail.requestParameters.tags[1]['key']"}, "quick-athena"),
        ({"InputPath": "$.nothing"}, None),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"id": "$.detail.requestParameters.resourceId", "none": "$.nothing"},
                    "InputTemplate": '{"account": <id>, "words": "of <id>: <none>", "tag": <none>}',
                }
            },
            {"account": "777788889999", "words": "of 777788889999: ", "tag": ""},
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"tags": "$.detail.requestParameters.tags[0]"},
                    "InputTemplate": '{"first": <tags>, "rule": "<aws.events.rule-name>"}',
                }
            },
            {"first": {"key": "owner", "value": "ann"}, "rule": "start"},
        ),
        ({"InputTransformer": {"InputTemplate": "<aws.events.event.json>"}}, envelope()),
    ],
)
def test_the_input_is_what_the_target_asks_for(
    cloud: Cloud, events: Events, started: list[Any], how: dict[str, Any], expected: Any
) -> None:
    hub_bus(cloud)
    start_machine(cloud, **how)
    publish(cloud, events, QUICK_BUS)
    assert started == [expected]


def test_a_template_that_makes_no_json_fails_for_good() -> None:
    target = {"InputTransformer": {"InputTemplate": '{"a": }'}}
    with pytest.raises(TargetError, match="INVALID_JSON"):
        target_input(target, envelope(), "arn", datetime(2026, 11, 24, tzinfo=UTC))


def test_a_target_cannot_change_what_the_next_one_receives(cloud: Cloud, events: Events) -> None:
    received = []

    def spoil(_arn: str, _role: str | None, handed: Any) -> None:
        received.append(json.dumps(handed))
        handed.clear()

    events.targets["lambda"] = spoil
    for name in ("one", "two"):
        rule(cloud, MANAGEMENT_BUS, {"Arn": f"arn:aws:lambda:us-east-1:{MANAGEMENT}:function:{name}"}, name=name)
    publish(cloud, events)
    assert received == [json.dumps(envelope())] * 2


# --- queues, failures, dead letters


def test_a_queue_receives_the_event_if_its_policy_lets_eventbridge_in(cloud: Cloud, events: Events) -> None:
    is_open = queue(cloud, MANAGEMENT, "us-east-1", "open")
    closed = queue(cloud, MANAGEMENT, "us-east-1", "closed", open_to_events=False)
    for name, arn in (("open", is_open), ("closed", closed)):
        rule(cloud, MANAGEMENT_BUS, {"Arn": arn}, name=name)
    publish(cloud, events)
    assert [json.loads(message["Body"]) for message in messages(cloud, is_open)] == [envelope()]
    assert messages(cloud, closed) == []
    assert only_undelivered(events)[0] == "NO_PERMISSIONS"


FUNCTION = f"arn:aws:lambda:us-east-1:{MANAGEMENT}:function:f"


def failing(events: Events, error: Exception, times: int = 1_000) -> list[str]:
    """A function that fails so many times, then works; answers when it was called."""
    calls: list[str] = []

    def fail(arn: str, _role: str | None, _handed: Any) -> None:
        calls.append(arn)
        if len(calls) <= times:
            raise error

    events.targets["lambda"] = fail
    return calls


def test_a_missing_permission_goes_straight_to_the_dead_letters(cloud: Cloud, events: Events) -> None:
    dead = queue(cloud, MANAGEMENT, "us-east-1", "dead")
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Invoke")
    calls = failing(events, denied)
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION, "DeadLetterConfig": {"Arn": dead}})
    publish(cloud, events)
    (message,) = messages(cloud, dead)
    assert len(calls) == 1
    assert json.loads(message["Body"]) == envelope()
    assert attributes_of(message) == {
        "RULE_ARN": f"arn:aws:events:us-east-1:{MANAGEMENT}:rule/rule",
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "AccessDeniedException: no",
        "RETRY_ATTEMPTS": "0",
    }
    (record,) = events.undelivered
    assert record.dead_letter_queue == dead


THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "Invoke")


def test_a_throttled_target_is_tried_again_until_it_works(cloud: Cloud, events: Events) -> None:
    calls = failing(events, THROTTLED, times=3)
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION})
    publish(cloud, events)
    assert len(calls) == 4
    assert events.undelivered == []


@pytest.mark.parametrize(
    ("policy", "condition", "attempts"),
    [
        ({"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 86_400}, "MaximumRetryAttempts", 3),
        ({"MaximumRetryAttempts": 0}, "MaximumRetryAttempts", 1),
        ({"MaximumEventAgeInSeconds": 60}, "MaximumEventAgeInSeconds", 6),
    ],
)
def test_retries_end_where_the_retry_policy_says(
    cloud: Cloud, events: Events, policy: dict[str, int], condition: str, attempts: int
) -> None:
    dead = queue(cloud, MANAGEMENT, "us-east-1", "dead")
    calls = failing(events, THROTTLED)
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION, "DeadLetterConfig": {"Arn": dead}, "RetryPolicy": policy})
    publish(cloud, events)
    (message,) = messages(cloud, dead)
    assert len(calls) == attempts
    assert attributes_of(message)["EXHAUSTED_RETRY_CONDITION"] == condition
    assert attributes_of(message)["RETRY_ATTEMPTS"] == str(attempts - 1)


def test_without_a_retry_policy_eventbridge_tries_for_a_day(cloud: Cloud, events: Events) -> None:
    calls = failing(events, THROTTLED)
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION})
    publish(cloud, events)
    hours = (cloud.clock.now() - datetime(2026, 11, 24, 8, tzinfo=UTC)).total_seconds() / 3600
    assert 23 < hours <= 24.01
    assert 170 < len(calls) <= 186
    assert events.undelivered[0].dead_letter_queue is None


def test_dead_letters_need_a_queue_that_lets_eventbridge_in(cloud: Cloud, events: Events) -> None:
    closed = queue(cloud, MANAGEMENT, "us-east-1", "closed", open_to_events=False)
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION, "DeadLetterConfig": {"Arn": closed}})
    publish(cloud, events)
    (record,) = events.undelivered
    assert (record.code, record.dead_letter_queue) == ("NO_RESOURCE", None)
    assert "and the dead-letter queue: NO_PERMISSIONS" in record.message


def test_a_dead_letter_queue_lies_in_the_rules_region(cloud: Cloud, events: Events) -> None:
    far = queue(cloud, MANAGEMENT, "eu-west-1", "far")
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION, "DeadLetterConfig": {"Arn": far}})
    publish(cloud, events)
    assert "is in another Region" in events.undelivered[0].message


def test_one_failing_target_does_not_keep_the_event_from_another(
    cloud: Cloud, events: Events, started: list[Any]
) -> None:
    hub_bus(cloud)
    failing(events, THROTTLED)
    rule(cloud, QUICK_BUS, {"Arn": FUNCTION}, name="a-first")
    start_machine(cloud)
    publish(cloud, events, QUICK_BUS)
    assert len(started) == 1


def test_a_defect_of_a_target_is_not_hidden_as_an_undelivered_event(cloud: Cloud, events: Events) -> None:
    failing(events, TypeError("a defect"))
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION})
    with pytest.raises(Exception, match="a defect"):
        publish(cloud, events)


# --- PutEvents


def put(cloud: Cloud, account: str, *entries: Mapping[str, Any]) -> list[dict[str, Any]]:
    """PutEvents in the hub's Region."""
    with cloud.administering(account):
        answer = cloud.client("events").put_events(Entries=entries)
    shown = list(answer["Entries"])
    assert answer["FailedEntryCount"] == sum("ErrorCode" in entry for entry in shown)
    return shown


ENTRY = {"Source": "mine", "DetailType": "thing", "Detail": '{"a": 1}', "EventBusName": "quick"}


def test_customers_put_events_on_their_buses(cloud: Cloud, events: Events, started: list[Any]) -> None:
    hub_bus(cloud)
    role_arn = role(cloud, HUB, "start", allow("states:StartExecution"))
    rule(cloud, QUICK_BUS, {"Arn": MACHINE, "RoleArn": role_arn}, {"source": ["mine"]})
    (shown,) = put(cloud, HUB, {**ENTRY, "Resources": ["arn:x"], "Time": datetime(2026, 1, 2, tzinfo=UTC)})
    settle(cloud)
    assert events.undelivered == []
    assert started == [
        {
            "version": "0",
            "id": shown["EventId"],
            "detail-type": "thing",
            "source": "mine",
            "account": HUB,
            "time": "2026-01-02T00:00:00Z",
            "region": "eu-west-1",
            "resources": ["arn:x"],
            "detail": {"a": 1},
        }
    ]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({**ENTRY, "Source": "aws.organizations"}, "NotAuthorizedForSourceException"),
        ({**ENTRY, "Source": ""}, "InvalidArgument"),
        ({**ENTRY, "Detail": "{"}, "MalformedDetail"),
        ({**ENTRY, "Detail": "[]"}, "MalformedDetail"),
    ],
)
def test_a_bad_entry_is_refused_and_the_others_are_taken(
    cloud: Cloud, events: Events, entry: dict[str, Any], code: str
) -> None:
    hub_bus(cloud)
    refused, taken = put(cloud, HUB, entry, ENTRY)
    assert refused["ErrorCode"] == code
    assert taken["EventId"]
    assert events.undelivered == []


def test_moto_alone_takes_events_in_the_name_of_aws(moto_alone: Any) -> None:
    entry = {"Source": "aws.organizations", "DetailType": "t", "Detail": "{}"}
    assert moto_alone.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_a_bus_of_another_account_must_allow_the_caller(cloud: Cloud, events: Events) -> None:
    hub_bus(cloud, statement({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
    (taken,) = put(cloud, MANAGEMENT, {**ENTRY, "EventBusName": HUB_BUS})
    assert taken["EventId"]
    with pytest.raises(ClientError) as caught:
        put(cloud, "777788889999", {**ENTRY, "EventBusName": HUB_BUS})
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert events.undelivered == []


def test_an_event_for_a_bus_that_is_not_there_is_taken_and_lost(cloud: Cloud, events: Events) -> None:
    (taken,) = put(cloud, HUB, {**ENTRY, "EventBusName": "nowhere"})
    settle(cloud)
    assert taken["EventId"]
    assert events.undelivered == []


def test_at_most_ten_entries_are_put_at_once(cloud: Cloud, events: Events) -> None:
    assert events.undelivered == []
    with pytest.raises(ClientError, match="less than or equal to 10"):
        put(cloud, HUB, *[ENTRY] * 11)


# --- bus policies


def policy_of(cloud: Cloud) -> list[dict[str, Any]]:
    with cloud.administering(HUB):
        bus = cloud.client("events").describe_event_bus(Name="quick")
    return list(json.loads(bus["Policy"])["Statement"]) if "Policy" in bus else []


def test_a_policy_replaces_the_one_before_and_statements_come_and_go(cloud: Cloud, events: Events) -> None:
    first, second = (statement({"AWS": f"arn:aws:iam::{each}:root"}) for each in (MANAGEMENT, "777788889999"))
    hub_bus(cloud, first, {**second, "Sid": "two"})
    assert [each["Sid"] for each in policy_of(cloud)] == ["forwarding", "two"]
    with cloud.administering(HUB):
        client = cloud.client("events")
        policy = {"Version": "2012-10-17", "Statement": [second]}
        client.put_permission(EventBusName="quick", Policy=json.dumps(policy))
        assert policy_of(cloud) == [second]
        client.put_permission(
            EventBusName="quick", Action="events:PutEvents", Principal="777788889999", StatementId="more"
        )
        assert [each["Sid"] for each in policy_of(cloud)] == ["forwarding", "more"]  # of one principal, both
        client.remove_permission(EventBusName="quick", StatementId="forwarding")
    assert [each["Sid"] for each in policy_of(cloud)] == ["more"]
    assert events.undelivered == []


def test_permission_for_an_organization_is_for_everyone_under_a_condition(
    cloud: Cloud, events: Events, started: list[Any]
) -> None:
    hub_bus(cloud)
    with cloud.administering(HUB):
        cloud.client("events").put_permission(
            EventBusName="quick",
            Action="events:PutEvents",
            Principal="*",
            StatementId="organization",
            Condition={"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-exampleorg"},
        )
    forward(cloud)
    start_machine(cloud)
    publish(cloud, events)
    assert len(started) == 1


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("{", "ValidationException"),
        (json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}), "ValidationException"),
        (" " * 10_241, "PolicyLengthExceededException"),
    ],
)
def test_a_policy_eventbridge_cannot_use_is_refused(cloud: Cloud, events: Events, policy: str, code: str) -> None:
    hub_bus(cloud)
    with cloud.administering(HUB), pytest.raises(ClientError) as caught:
        cloud.client("events").put_permission(EventBusName="quick", Policy=policy)
    assert caught.value.response["Error"]["Code"] == code
    assert (policy_of(cloud), events.undelivered) == ([], [])


# --- chaos


def fates(cloud: Cloud, events: Events, chaos: DeliveryFaults) -> list[str]:
    """The numbers of the events that arrive, in the order they arrive, of a hundred."""
    arrived: list[str] = []
    events.targets["lambda"] = lambda _arn, _role, handed: arrived.append(handed["id"][-3:])
    events.delivery_faults = chaos
    for number in range(100):
        events.publish(MANAGEMENT, "us-east-1", "default", envelope(number))
    settle(cloud)
    return arrived


def test_events_may_be_lost_repeated_and_late_the_same_way_for_the_same_seed(cloud: Cloud, events: Events) -> None:
    rule(cloud, MANAGEMENT_BUS, {"Arn": FUNCTION})
    assert len(fates(cloud, events, DeliveryFaults(1, drop=1.0))) == 0
    assert len(fates(cloud, events, DeliveryFaults(1, repeat=1.0))) == 200
    late = fates(cloud, events, DeliveryFaults(1, delay=60.0))
    assert len(late) == 100
    assert late != sorted(late)
    mixed = [fates(cloud, events, DeliveryFaults(7, drop=0.2, repeat=0.2, delay=60.0)) for _ in range(2)]
    assert mixed[0] == mixed[1]
    assert 60 < len(set(mixed[0])) < 100


def test_delivery_faults_strike_on_the_way_to_the_first_bus_only(
    cloud: Cloud, events: Events, started: list[Any]
) -> None:
    hub_bus(cloud, statement({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}))
    forward(cloud)
    start_machine(cloud)
    events.delivery_faults = DeliveryFaults(1, repeat=1.0)
    publish(cloud, events)
    assert started == [envelope()] * 2


# --- a role's documents


def test_a_roles_documents_are_its_inline_and_attached_policies_and_its_boundary(cloud: Cloud) -> None:
    arn = role(cloud, HUB, "writer", allow("s3:GetObject"))
    with cloud.administering(HUB):
        iam = cloud.client("iam")
        for name, action in (("attached", "s3:PutObject"), ("boundary", "s3:*")):
            iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(allow(action)))
        iam.attach_role_policy(RoleName="writer", PolicyArn=f"arn:aws:iam::{HUB}:policy/attached")
        iam.put_role_permissions_boundary(RoleName="writer", PermissionsBoundary=f"arn:aws:iam::{HUB}:policy/boundary")
        iam.create_policy_version(
            PolicyArn=f"arn:aws:iam::{HUB}:policy/attached",
            PolicyDocument=json.dumps(allow("s3:DeleteObject")),
            SetAsDefault=True,
        )
        iam.tag_role(RoleName="writer", Tags=[{"Key": "team", "Value": "data"}])
    found = role_documents(HUB, "writer")
    assert found.identity == (allow("s3:GetObject"), allow("s3:DeleteObject"))
    assert (found.boundary, found.trust) == (allow("s3:*"), trust())
    assert (found.principal.arn, found.principal.account) == (arn, HUB)
    assert found.principal.unique_id is not None
    assert found.principal.unique_id.startswith("AROA")
    assert found.principal.tags == {"team": "data"}


@pytest.mark.parametrize("stored", [allow("s3:GetObject"), str(allow("s3:GetObject"))])
def test_inline_policies_of_cloudformation_are_read_however_moto_keeps_them(cloud: Cloud, stored: Any) -> None:
    role(cloud, HUB, "made", allow("s3:PutObject"))
    (made,) = iam_backends[HUB]["aws"].roles.values()
    made.put_policy("inline", stored)
    assert role_documents(HUB, "made").identity == (allow("s3:GetObject"),)


def test_there_is_no_role_of_another_name_or_path(cloud: Cloud) -> None:
    role(cloud, HUB, "made", allow("s3:PutObject"))
    with pytest.raises(NoSuchRole):
        role_documents(HUB, "other")
    with pytest.raises(NoSuchRole):
        role_documents_of(f"arn:aws:iam::{HUB}:role/path/made")

"""The sandbox from outside: a process of its own, and boto3 as the only client."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sandbox.served import start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.sandbox.served import Outside


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """A server whose time moves only when asked to."""
    served = start("--accounts", "7")
    yield served
    stop(served)


def assert_connected(outside: Outside, account_id: str) -> None:
    hub, region = outside.accounts["hub"], outside.said["region"]
    source_id = f"quick-athena-{account_id}-default"
    role = f"arn:aws:iam::{account_id}:role/quick-athena-default"
    keys = outside.said["credentials"].get(account_id) or role_in(outside, account_id)
    trust = outside.client(account_id, "iam", keys).get_role(RoleName="quick-athena-default")["Role"]
    (statement,) = trust["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["ArnEquals"] == {"aws:PrincipalArn": outside.said["run_as_role_arn"]}
    assert statement["Condition"]["StringEquals"] == {
        "aws:PrincipalOrgID": outside.organizations.describe_organization()["Organization"]["Id"],
        "sts:ExternalId": f"arn:aws:quicksight:{region}:{hub}:datasource/{source_id}",
    }
    assert allowed(outside).count(role) == 1
    sources = outside.client(hub, "quicksight").list_data_sources(AwsAccountId=hub)["DataSources"]
    (source,) = [each for each in sources if each["DataSourceId"] == source_id]
    athena = source["DataSourceParameters"]["AthenaParameters"]
    assert source["Status"] == "CREATION_SUCCESSFUL"
    assert (athena["RoleArn"], athena["ConsumerAccountRoleArn"]) == (outside.said["run_as_role_arn"], role)
    assert [record["status"]["S"] for record in records(outside, account_id)] == ["connected"]
    assert instances(outside).count(account_id) == 1


def role_in(outside: Outside, account_id: str) -> dict[str, str]:
    """An account created later is entered through the role AWS makes in it."""
    given = outside.client(outside.accounts["management"], "sts").assume_role(
        RoleArn=f"arn:aws:iam::{account_id}:role/OrganizationAccountAccessRole", RoleSessionName="test"
    )["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def allowed(outside: Outside) -> list[str]:
    iam = outside.client(outside.accounts["hub"], "iam")
    attached = iam.list_attached_role_policies(RoleName="quick-athena-run-as")["AttachedPolicies"]
    found = []
    for policy in attached:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
        found += [resource for statement in document["Statement"] for resource in statement["Resource"]]
    return found


def records(outside: Outside, account_id: str) -> list[Any]:
    items: list[Any] = outside.client(outside.accounts["hub"], "dynamodb").query(
        TableName=outside.said["registry_table"],
        KeyConditionExpression="pk = :a AND begins_with(sk, :c)",
        ExpressionAttributeValues={":a": {"S": f"account#{account_id}"}, ":c": {"S": "connection#"}},
    )["Items"]
    return items


def instances(outside: Outside) -> list[str]:
    summaries = outside.client(outside.accounts["hub"], "cloudformation").list_stack_instances(
        StackSetName="quick-athena-default", CallAs="DELEGATED_ADMIN"
    )["Summaries"]
    return [summary["Account"] for summary in summaries]


def test_one_line_says_everything(outside: Outside) -> None:
    assert len(outside.accounts["members"]) == 7
    assert len(outside.accounts["suspended"]) == 1
    assert set(outside.said) == {
        "endpoint_url",
        "region",
        "accounts",
        "credentials",
        "registry_table",
        "run_as_role_arn",
        "run_as_role_session",
        "opt_in_tag",
    }
    for account_id, keys in outside.said["credentials"].items():
        assert outside.client(account_id, "sts", keys).get_caller_identity()["Account"] == account_id


def test_the_members_live_in_nested_units_and_come_in_pages_of_twenty(outside: Outside) -> None:
    organizations = outside.organizations
    (root,) = organizations.list_roots()["Roots"]
    (upper,) = organizations.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
    (lower,) = organizations.list_organizational_units_for_parent(ParentId=upper["Id"])["OrganizationalUnits"]
    assert organizations.list_accounts_for_parent(ParentId=lower["Id"])["Accounts"]
    assert len(organizations.list_accounts()["Accounts"]) == 10


def test_a_tag_a_repeated_tag_and_two_at_once_connect_and_nobody_else_is_touched(outside: Outside) -> None:
    once, twice, one, another, *rest = outside.accounts["members"]
    outside.tag(once)
    outside.tag(twice)
    outside.tag(twice)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(outside.tag, (one, another)))
    outside.advance(600)
    for account_id in (once, twice, one, another):
        assert_connected(outside, account_id)
    for account_id in rest:
        assert records(outside, account_id) == []
        assert account_id not in instances(outside)
    assert not {outside.accounts["management"], outside.accounts["hub"]} & set(instances(outside))


def test_an_account_created_with_the_tag_is_connected(outside: Outside) -> None:
    tags = [{"Key": outside.said["opt_in_tag"], "Value": "enabled"}]
    request = outside.organizations.create_account(Email="new@example.com", AccountName="new", Tags=tags)
    outside.advance(600)
    status = outside.organizations.describe_create_account_status(
        CreateAccountRequestId=request["CreateAccountStatus"]["Id"]
    )["CreateAccountStatus"]
    assert_connected(outside, status["AccountId"])


def test_run_as_role_session_reaches_consumer_role_as_quick_would_and_not_otherwise(outside: Outside) -> None:
    account_id, hub = outside.accounts["members"][0], outside.accounts["hub"]
    outside.tag(account_id)
    outside.advance(600)
    sts = outside.client(hub, "sts", outside.said["run_as_role_session"])
    role = f"arn:aws:iam::{account_id}:role/quick-athena-default"
    external_id = f"arn:aws:quicksight:{outside.said['region']}:{hub}:datasource/quick-athena-{account_id}-default"
    sts.assume_role(RoleArn=role, RoleSessionName="quick", ExternalId=external_id)
    with pytest.raises(sts.exceptions.ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="quick")


def test_the_calls_say_who_did_what(outside: Outside) -> None:
    outside.tag(outside.accounts["members"][0])
    outside.advance(600)
    _, answer = outside.ask("GET", "/sandbox/calls")
    assert {"time", "account", "role", "service", "operation", "resource", "outcome"} == set(answer["calls"][0])
    assert "CreateDataSource" in {call["operation"] for call in answer["calls"]}


def test_a_fault_is_suffered_and_got_over(outside: Outside) -> None:
    account_id = outside.accounts["members"][5]
    fault = {"service": "quicksight", "operation": "CreateDataSource", "code": "ThrottlingException", "times": 2}
    assert outside.ask("POST", "/sandbox/faults", fault)[0] == 200
    outside.tag(account_id)
    outside.advance(900)
    assert_connected(outside, account_id)
    _, answer = outside.ask("GET", "/sandbox/calls")
    outcomes = [call["outcome"] for call in answer["calls"] if call["operation"] == "CreateDataSource"]
    assert outcomes.count("ThrottlingException") == 2


def test_events_may_be_dropped(outside: Outside) -> None:
    account_id = outside.accounts["members"][6]
    outside.ask("POST", "/sandbox/events", {"drop": 1})
    outside.tag(account_id)
    outside.advance(600)
    assert records(outside, account_id) == []
    outside.ask("POST", "/sandbox/events", {"drop": 0})
    outside.tag(account_id)
    outside.advance(600)
    assert_connected(outside, account_id)


def test_an_account_created_later_is_entered_through_its_role_which_may_all(outside: Outside) -> None:
    tags = [{"Key": "stage", "Value": "test"}]
    request = outside.organizations.create_account(Email="later@example.com", AccountName="later", Tags=tags)
    outside.advance(60)
    account_id = outside.organizations.describe_create_account_status(
        CreateAccountRequestId=request["CreateAccountStatus"]["Id"]
    )["CreateAccountStatus"]["AccountId"]
    keys = role_in(outside, account_id)
    role = outside.client(account_id, "iam", keys).get_role(RoleName="OrganizationAccountAccessRole")["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{outside.accounts['management']}:root"}
    s3 = outside.client(account_id, "s3", keys)
    s3.create_bucket(Bucket="of-the-later-account", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="of-the-later-account", Key="it", Body=b"works")
    assert s3.get_object(Bucket="of-the-later-account", Key="it")["Body"].read() == b"works"
    hub = outside.client(outside.accounts["hub"], "sts")
    with pytest.raises(hub.exceptions.ClientError, match="AccessDenied"):
        hub.assume_role(RoleArn=role["Arn"], RoleSessionName="hub")


def test_alarms_and_the_e_mails_they_sent_are_reported(outside: Outside) -> None:
    hub = outside.accounts["hub"]
    sns, cloudwatch = outside.client(hub, "sns"), outside.client(hub, "cloudwatch")
    topic = sns.create_topic(Name="operators")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    cloudwatch.put_metric_alarm(
        AlarmName="served",
        Namespace="Tests",
        MetricName="Failures",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    outside.advance(60)
    cloudwatch.put_metric_data(Namespace="Tests", MetricData=[{"MetricName": "Failures", "Value": 1.0}])
    outside.advance(60)
    status, answer = outside.ask("GET", "/sandbox/alarms")
    (alarm,) = [each for each in answer["alarms"] if each["name"] == "served"]
    assert (status, alarm["account"], alarm["state"]) == (200, hub, "ALARM")
    assert alarm["reason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints")
    status, answer = outside.ask("GET", "/sandbox/messages")
    (unread,) = answer["unread"]
    assert "quick-onboarding-Notifications" in unread["topic"]  # nobody was named when it was deployed
    assert "aws sns subscribe" in answer["note"]
    (mail,) = [each for each in answer["messages"] if each["topic"] == topic]
    assert (status, mail["endpoint"], mail["time"]) == (200, "ops@example.com", alarm["since"])
    assert mail["subject"] == 'ALARM: "served" in EU (Ireland)'
    assert json.loads(mail["text"])["NewStateValue"] == "ALARM"


def test_a_served_schedule_fires_while_time_is_advanced(outside: Outside) -> None:
    hub, region = outside.accounts["hub"], outside.said["region"]
    queue = outside.client(hub, "sqs").create_queue(QueueName="ticks")["QueueUrl"]
    arn = f"arn:aws:sqs:{region}:{hub}:ticks"
    statement = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    iam = outside.client(hub, "iam")
    role = iam.create_role(
        RoleName="ticking", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName="ticking", PolicyName="inline", PolicyDocument=policy)
    outside.advance(60)
    outside.client(hub, "scheduler").create_schedule(
        Name="ticking",
        ScheduleExpression="rate(10 minutes)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role, "Input": "tick"},
    )
    outside.advance(1_300)
    messages = outside.client(hub, "sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == ["tick"] * 3


def test_two_days_later_only_what_was_assumed_has_expired(outside: Outside) -> None:
    account_id, late = outside.accounts["members"][0], outside.accounts["members"][4]
    keys = role_in(outside, account_id)
    assert outside.client(account_id, "iam", keys).list_roles()["Roles"]
    outside.advance(2 * 86_400)
    iam, dynamodb = (outside.client(account_id, service, keys) for service in ("iam", "dynamodb"))
    words = "The security token included in the request is expired"
    with pytest.raises(iam.exceptions.ClientError, match=rf"\(ExpiredToken\).*{words}"):
        iam.list_roles()
    with pytest.raises(dynamodb.exceptions.ClientError, match=rf"\(ExpiredTokenException\).*{words}"):
        dynamodb.list_tables()
    run_as_role = outside.client(outside.accounts["hub"], "sts", outside.said["run_as_role_session"])
    assert run_as_role.get_caller_identity()["Arn"].endswith("assumed-role/quick-athena-run-as/quicksight")
    outside.tag(late)  # functions and state machine have sessions of two days ago, and renew them
    outside.advance(600)
    assert_connected(outside, late)


def test_three_run_side_by_side_each_on_a_port_of_its_own_and_end_with_zero(outside: Outside) -> None:
    others = [start("--accounts", "1", loaded=False), start("--port", "0", "--accounts", "2")]
    assert len({each.said["endpoint_url"] for each in (outside, *others)}) == 3
    assert [len(each.accounts["members"]) for each in others] == [1, 2]
    others[0].tag(others[0].accounts["members"][0])
    others[0].advance(600)
    assert_connected(others[0], others[0].accounts["members"][0])
    assert records(others[1], others[1].accounts["members"][0]) == []
    assert [stop(each) for each in others] == [(0, ""), (0, "")]

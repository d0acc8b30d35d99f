"""The sandbox from outside: a process of its own, and boto3 as the only client."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from sandbox.world import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Outside:
    """A served sandbox as its clients know it: by the one line it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.line = process.stdout.readline()
        self.said: dict[str, Any] = json.loads(self.line)
        self.accounts = self.said["accounts"]

    def client(self, account: str, service: str, credentials: dict[str, str] | None = None) -> Any:
        """A client as an administrator of an account, or with other credentials."""
        region = "us-east-1" if service == "organizations" else self.said["region"]
        keys: Any = credentials or self.said["credentials"][account]
        session = boto3.Session(region_name=region, **keys)
        config = Config(retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.said["endpoint_url"], config=config)  # type: ignore[call-overload]  # any service

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One of the /sandbox endpoints."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server on this machine
            self.said["endpoint_url"] + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        status, answer = self.ask("POST", "/sandbox/advance", {"seconds": seconds})
        assert status == 200, answer
        assert not answer["running"]

    @property
    def organizations(self) -> Any:
        """Organizations as the management account's administrator."""
        return self.client(self.accounts["management"], "organizations")

    def tag(self, account_id: str, value: str = "enabled") -> None:
        """Tag an account."""
        self.organizations.tag_resource(ResourceId=account_id, Tags=[{"Key": self.said["opt_in_tag"], "Value": value}])


def start(*options: str) -> Outside:
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--speed", "0", *options]
    return Outside(subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))


def stop(outside: Outside) -> tuple[int, str]:
    """The exit code, and what else it printed on stdout."""
    outside.process.send_signal(signal.SIGTERM)
    rest, _ = outside.process.communicate(timeout=30)
    return outside.process.returncode, rest


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
    assert statement["Condition"]["ArnEquals"] == {"aws:PrincipalArn": outside.said["role_a_arn"]}
    assert statement["Condition"]["StringEquals"] == {
        "aws:PrincipalOrgID": outside.organizations.describe_organization()["Organization"]["Id"],
        "sts:ExternalId": f"arn:aws:quicksight:{region}:{hub}:datasource/{source_id}",
    }
    assert allowed(outside).count(role) == 1
    sources = outside.client(hub, "quicksight").list_data_sources(AwsAccountId=hub)["DataSources"]
    (source,) = [each for each in sources if each["DataSourceId"] == source_id]
    athena = source["DataSourceParameters"]["AthenaParameters"]
    assert source["Status"] == "CREATION_SUCCESSFUL"
    assert (athena["RoleArn"], athena["ConsumerAccountRoleArn"]) == (outside.said["role_a_arn"], role)
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
        "role_a_arn",
        "role_a_session",
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


def test_role_as_session_reaches_role_b_as_quick_would_and_not_otherwise(outside: Outside) -> None:
    account_id, hub = outside.accounts["members"][0], outside.accounts["hub"]
    sts = outside.client(hub, "sts", outside.said["role_a_session"])
    role = f"arn:aws:iam::{account_id}:role/quick-athena-default"
    external_id = f"arn:aws:quicksight:{outside.said['region']}:{hub}:datasource/quick-athena-{account_id}-default"
    sts.assume_role(RoleArn=role, RoleSessionName="quick", ExternalId=external_id)
    with pytest.raises(sts.exceptions.ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="quick")


def test_the_calls_say_who_did_what(outside: Outside) -> None:
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


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/sandbox/advance", {"seconds": -1}, 400),
        ("/sandbox/faults", {"service": "sts"}, 400),
        ("/sandbox/events", {"drop": 2}, 400),
        ("/sandbox/nowhere", {}, 404),
    ],
)
def test_a_request_that_is_none_is_refused_in_words(outside: Outside, path: str, body: Any, status: int) -> None:
    answered, answer = outside.ask("POST", path, body)
    assert answered == status
    assert answer["error"]


def test_two_run_side_by_side_and_end_with_zero(outside: Outside) -> None:
    other = start("--accounts", "1")
    assert other.said["endpoint_url"] != outside.said["endpoint_url"]
    assert len(other.accounts["members"]) == 1
    assert stop(other) == (0, "")

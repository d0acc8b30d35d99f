"""Credentials end when their time is over; each service says so in its own spelling."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.aws.identity import acting_as
from sandbox.aws.permissions import Permissions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.sts import AssumeRoleRequest, Sts
from tests.integration.sandbox.roles import (
    HUB,
    MEMBER,
    allow,
    code,
    create_role,
    document,
    message,
    role_arn,
    session_of,
    trusting,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.identity import Session

WORDS = "The security token included in the request is expired"
S3S_WORDS = "The provided token has expired."
QUICK = "quicksight.amazonaws.com"
CALLS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("sts", lambda client: client.get_caller_identity(), "ExpiredToken"),
    ("iam", lambda client: client.list_roles(), "ExpiredToken"),
    ("cloudformation", lambda client: client.list_stacks(), "ExpiredToken"),
    ("s3", lambda client: client.list_buckets(), "ExpiredToken"),
    ("dynamodb", lambda client: client.list_tables(), "ExpiredTokenException"),
    ("stepfunctions", lambda client: client.list_state_machines(), "ExpiredTokenException"),
    ("quicksight", lambda client: client.list_data_sources(AwsAccountId=MEMBER), "ExpiredTokenException"),
]


@pytest.fixture
def iam(cloud: Cloud) -> Iam:
    return Iam(cloud)


@pytest.fixture
def sts(cloud: Cloud, iam: Iam) -> Sts:
    return Sts(cloud, iam)


def entered(cloud: Cloud, iam: Iam, sts: Sts, seconds: int) -> tuple[Session, Any]:
    """A session the hub's administrator has in a member's role that may everything, and AWS's answer."""
    assert sts
    create_role(cloud, "target", [allow("*")], trusting({"AWS": f"arn:aws:iam::{HUB}:root"}), MEMBER)
    iam.settle()
    with cloud.administering(HUB):
        answer = cloud.client("sts").assume_role(
            RoleArn=role_arn("target", MEMBER), RoleSessionName="test", DurationSeconds=seconds
        )
    session = cloud.identities.of(answer["Credentials"]["AccessKeyId"])
    assert session
    return session, answer["Credentials"]["Expiration"]


@pytest.mark.parametrize(("service", "ask", "expected"), CALLS)
def test_a_session_is_good_until_its_time_is_over(
    cloud: Cloud, iam: Iam, sts: Sts, service: str, ask: Callable[[Any], Any], expected: str
) -> None:
    session, expiration = entered(cloud, iam, sts, 900)
    assert expiration == cloud.clock.now() + timedelta(seconds=900)
    wait(cloud, 899)
    with acting_as(session):
        assert ask(cloud.client(service))["ResponseMetadata"]["HTTPStatusCode"] == 200
    wait(cloud, 1)
    logged = len(cloud.gateway.log.entries)
    with acting_as(session), pytest.raises(ClientError) as caught:
        ask(cloud.client(service))
    assert (code(caught), message(caught)) == (expected, S3S_WORDS if service == "s3" else WORDS)
    status = 403 if expected == "ExpiredToken" and service != "s3" else 400
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert len(cloud.gateway.log.entries) == logged  # nobody's call, as one with an unknown key


def test_moto_alone_takes_expired_credentials() -> None:
    with mock_aws():
        keys: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        given = boto3.client("sts", "us-east-1", **keys).assume_role(
            RoleArn=role_arn("r"), RoleSessionName="test", DurationSeconds=900
        )["Credentials"]
        later: dict[str, Any] = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": "a token moto never gave",
        }
        assert boto3.client("sts", "us-east-1", **later).get_caller_identity()["Account"] == HUB


def test_without_a_duration_a_session_lasts_an_hour(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    create_role(cloud, "run-as", trust=trusting({"Service": QUICK}))
    iam.settle()
    session = sts.as_service(QUICK, AssumeRoleRequest(role_arn("run-as")))
    assert session.expires == cloud.clock.now() + timedelta(hours=1)


def test_who_holds_a_session_and_renews_it_never_sees_it_end(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    create_role(cloud, "run-as", trust=trusting({"Service": QUICK}))
    iam.settle()
    announced = sts.as_service(QUICK, AssumeRoleRequest(role_arn("run-as"), seconds=None))
    functions = session_of(cloud, iam, role_arn("run-as"))
    wait(cloud, 10 * 365 * 86_400)
    for session in (announced, functions, cloud.identities.administrator(HUB)):
        with acting_as(session):
            assert cloud.client("sts").get_caller_identity()["Account"] == HUB


def test_an_assumed_administrator_chains_for_an_hour_at_most(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    session, _ = entered(cloud, iam, sts, 3600)
    create_role(cloud, "next", trust=trusting({"AWS": f"arn:aws:iam::{MEMBER}:root"}), account=MEMBER)
    with cloud.administering(MEMBER):
        cloud.client("iam").update_role(RoleName="next", MaxSessionDuration=7200)
    iam.settle()
    with (
        acting_as(session),
        pytest.raises(ClientError, match="1 hour session limit for roles assumed by role chaining"),
    ):
        cloud.client("sts").assume_role(RoleArn=role_arn("next", MEMBER), RoleSessionName="test", DurationSeconds=7200)
    with cloud.administering(MEMBER):
        longer = cloud.client("sts").assume_role(
            RoleArn=role_arn("next", MEMBER), RoleSessionName="test", DurationSeconds=7200
        )
    assert longer["Credentials"]["Expiration"] == cloud.clock.now() + timedelta(hours=2)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("*"), (True, False)),
        (allow("*", "arn:aws:s3:::*"), (False, False)),
        (allow("s3:*"), (False, False)),
        (allow("*", StringEquals={"aws:RequestedRegion": "eu-west-1"}), (False, False)),
    ],
)
def test_only_a_role_that_may_everything_makes_an_administrator(
    cloud: Cloud, iam: Iam, sts: Sts, statement: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    create_role(cloud, "run-as", [statement], trusting({"Service": QUICK}))
    iam.settle()
    scope = {"Version": "2012-10-17", "Statement": [allow("s3:ListAllMyBuckets")]}
    plain, scoped = (
        sts.as_service(QUICK, AssumeRoleRequest(role_arn("run-as"), session_policy=each)) for each in (None, scope)
    )
    assert (plain.administrator, scoped.administrator) == expected


def test_a_boundary_or_a_second_policy_makes_it_none(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    create_role(cloud, "run-as", [allow("*")], trusting({"Service": QUICK}))
    iam.settle()
    session = sts.as_service(QUICK, AssumeRoleRequest(role_arn("run-as")))
    with cloud.administering(HUB):
        client = cloud.client("iam")
        client.put_role_policy(RoleName="run-as", PolicyName="second", PolicyDocument=document(allow("s3:*")))
        iam.settle()
        two_policies = session.administrator
        client.delete_role_policy(RoleName="run-as", PolicyName="second")
        iam.settle()
        one_policy = session.administrator
        boundary = client.create_policy(PolicyName="b", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
        client.put_role_permissions_boundary(RoleName="run-as", PermissionsBoundary=boundary)
        iam.settle()
    assert (two_policies, one_policy, session.administrator) == (False, True, False)


def test_an_administrator_by_policy_may_call_what_no_row_describes(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    Permissions(cloud, iam)
    session, _ = entered(cloud, iam, sts, 3600)
    with acting_as(session):
        assert cloud.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    with cloud.administering(MEMBER):
        cloud.client("iam").delete_role_policy(RoleName="target", PolicyName="inline")
    iam.settle()
    with acting_as(session), pytest.raises(RuntimeError, match="describes no sqs:ListQueues"):
        cloud.client("sqs").list_queues()

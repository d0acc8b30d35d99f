"""STS as AWS has it: who may become whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.aws.gateway import AwsError
from sandbox.aws.identity import acting_as
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
    put,
    role_arn,
    session_of,
    trusting,
    wait,
)

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud
    from sandbox.aws.identity import Session

TARGET = role_arn("target", MEMBER)
HUB_ROOT = {"AWS": f"arn:aws:iam::{HUB}:root"}


@pytest.fixture
def iam(cloud: Cloud) -> Iam:
    return Iam(cloud)


@pytest.fixture
def sts(cloud: Cloud, iam: Iam) -> Sts:
    return Sts(cloud, iam)


@pytest.fixture
def caller(cloud: Cloud, iam: Iam, sts: Sts) -> Session:
    """A role of the hub that may assume the target."""
    assert sts
    arn = create_role(cloud, "caller", [allow("sts:AssumeRole", TARGET)])
    iam.settle()
    return session_of(cloud, iam, arn)


def target(cloud: Cloud, iam: Iam, trust: str) -> None:
    create_role(cloud, "target", trust=trust, account=MEMBER)
    iam.settle()


def assume(cloud: Cloud, caller: Session, **options: Any) -> Any:
    request = {"RoleArn": TARGET, "RoleSessionName": "test", **options}
    with acting_as(caller):
        return cloud.client("sts").assume_role(**request)


def refusal(cloud: Cloud, caller: Session, **options: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        assume(cloud, caller, **options)
    return code(caught), message(caught)


def denied(caller: Session) -> tuple[str, str]:
    who = caller.principal.session_arn or caller.principal.arn
    return "AccessDenied", f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {TARGET}"


def test_both_sides_allow_and_the_credentials_are_the_roles(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    answer = assume(cloud, caller)
    session = cloud.identities.of(answer["Credentials"]["AccessKeyId"])
    assert session
    with acting_as(session):
        identity = cloud.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (MEMBER, f"arn:aws:sts::{MEMBER}:assumed-role/target/test")
    assert answer["AssumedRoleUser"]["Arn"] == identity["Arn"]


def test_a_role_that_does_not_exist_is_refused_in_the_same_words(cloud: Cloud, caller: Session) -> None:
    assert refusal(cloud, caller) == denied(caller)


def test_moto_alone_still_gives_credentials_of_a_role_there_is_none_of() -> None:
    with mock_aws():
        alone = boto3.client("sts", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        assert alone.assume_role(RoleArn=TARGET, RoleSessionName="test")["Credentials"]


def test_a_trust_policy_that_names_another_account_refuses(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting({"AWS": "arn:aws:iam::123412341234:root"}))
    assert refusal(cloud, caller) == denied(caller)


def test_without_a_permission_of_its_own_a_role_is_refused(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    put(cloud, "caller", allow("sts:AssumeRole", role_arn("another", MEMBER)))
    iam.settle()
    assert refusal(cloud, caller) == denied(caller)


def test_a_boundary_that_does_not_allow_it_refuses(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    with cloud.administering(HUB):
        client = cloud.client("iam")
        boundary = client.create_policy(PolicyName="b", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
        client.put_role_permissions_boundary(RoleName="caller", PermissionsBoundary=boundary)
    iam.settle()
    assert refusal(cloud, caller) == denied(caller)


def test_the_external_id_must_be_the_one_the_trust_policy_asks_for(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT, StringEquals={"sts:ExternalId": "right"}))
    assert assume(cloud, caller, ExternalId="right")["Credentials"]
    assert refusal(cloud, caller, ExternalId="wrong") == denied(caller)


def test_a_missing_external_id_is_a_wrong_one(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT, StringEquals={"sts:ExternalId": "right"}))
    assert refusal(cloud, caller) == denied(caller)


def test_a_session_policy_limits_what_the_session_may_assume_next(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    create_role(cloud, "caller", [allow("sts:AssumeRole", "*")], trusting({"Service": "quicksight.amazonaws.com"}))
    iam.settle()
    scope = json.loads(document(allow("sts:AssumeRole", role_arn("another", MEMBER))))
    session = sts.as_service(
        "quicksight.amazonaws.com", AssumeRoleRequest(role_arn("caller"), "test", session_policy=scope)
    )
    with pytest.raises(AwsError):
        sts.chained(session, AssumeRoleRequest(TARGET, "test"))


def test_a_service_is_let_in_for_the_source_the_trust_policy_names(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    conditions = {"StringEquals": {"aws:SourceAccount": HUB}}
    create_role(cloud, "a", trust=trusting({"Service": "quicksight.amazonaws.com"}, **conditions))
    iam.settle()
    right, wrong = (
        AssumeRoleRequest(role_arn("a"), "test", context={"aws:SourceAccount": account}) for account in (HUB, MEMBER)
    )
    assert sts.as_service("quicksight.amazonaws.com", right).account == HUB
    with pytest.raises(AwsError, match=r"quicksight\.amazonaws\.com is not authorized to perform: sts:AssumeRole"):
        sts.as_service("quicksight.amazonaws.com", wrong)


def test_a_recreated_role_is_not_the_one_that_was_trusted(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting({"AWS": role_arn("caller")}))
    assert assume(cloud, caller)["Credentials"]
    with cloud.administering(HUB):
        cloud.client("iam").delete_role_policy(RoleName="caller", PolicyName="inline")
        cloud.client("iam").delete_role(RoleName="caller")
    again = create_role(cloud, "caller", [allow("sts:AssumeRole", TARGET)])
    iam.settle()
    newcomer = session_of(cloud, iam, again)
    assert refusal(cloud, newcomer) == denied(newcomer)


def test_the_session_of_a_deleted_role_may_nothing_though_a_new_role_has_its_name(
    cloud: Cloud, iam: Iam, caller: Session
) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    with cloud.administering(HUB):
        cloud.client("iam").delete_role_policy(RoleName="caller", PolicyName="inline")
        cloud.client("iam").delete_role(RoleName="caller")
    create_role(cloud, "caller", [allow("sts:AssumeRole", TARGET)])
    iam.settle()
    assert refusal(cloud, caller) == denied(caller)


def test_a_permission_granted_now_is_not_in_force_yet(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    put(cloud, "caller", allow("s3:GetObject"))
    wait(cloud, 20)
    put(cloud, "caller", allow("sts:AssumeRole", TARGET))
    assert refusal(cloud, caller) == denied(caller)
    wait(cloud, 8)
    assert assume(cloud, caller)["Credentials"]


def test_an_administrator_is_subject_to_the_trust_policy(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    assert sts
    target(cloud, iam, trusting(HUB_ROOT))
    administrators = [cloud.identities.administrator(account) for account in (HUB, "123412341234")]
    assert assume(cloud, administrators[0])["Credentials"]
    assert refusal(cloud, administrators[1]) == denied(administrators[1])


def test_a_chained_session_lasts_an_hour_at_most(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    words = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    assert refusal(cloud, caller, DurationSeconds=3601) == ("ValidationError", words)


def test_a_session_lasts_no_longer_than_the_role_lets_it(cloud: Cloud, iam: Iam, sts: Sts) -> None:
    assert sts
    target(cloud, iam, trusting(HUB_ROOT))
    person = cloud.identities.administrator(HUB)
    words = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    assert refusal(cloud, person, DurationSeconds=7200) == ("ValidationError", words)


def test_a_session_policy_has_2048_characters_at_most(cloud: Cloud, iam: Iam, caller: Session) -> None:
    target(cloud, iam, trusting(HUB_ROOT))
    policy = document(allow("s3:GetObject", "arn:aws:s3:::" + "x" * 2000))
    assert refusal(cloud, caller, Policy=policy)[0] == "ValidationError"

"""IAM as AWS has it: limits, words, delays; beside some differences, moto alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.iam.models import iam_backends

from sandbox.aws.services.iam import Iam
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
    trusting,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.cloud import Cloud

LAMBDA = trusting({"Service": "lambda.amazonaws.com"})


@pytest.fixture
def iam(cloud: Cloud) -> Iam:
    return Iam(cloud)


@pytest.fixture
def client(cloud: Cloud, iam: Iam) -> Iterator[Any]:
    assert iam
    with cloud.administering(HUB):
        yield cloud.client("iam")


def big(characters: int) -> str:
    """A policy of exactly so many characters, none of them white space."""
    text = json.dumps(json.loads(document(allow("s3:GetObject", "arn:aws:s3:::x"))), separators=(",", ":"))
    return text.replace(":::x", ":::x" + "y" * (characters - len(text)))


def test_a_managed_policy_has_6144_characters_at_most(client: Any) -> None:
    client.create_policy(PolicyName="fits", PolicyDocument=big(6144))
    with pytest.raises(ClientError) as caught:
        client.create_policy(PolicyName="too-big", PolicyDocument=big(6145))
    assert (code(caught), message(caught)) == ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_white_space_does_not_count(client: Any) -> None:
    spread = json.dumps(json.loads(big(6144)), indent=8)
    assert len(spread) > 6144
    client.create_policy(PolicyName="fits", PolicyDocument=spread)


def test_a_new_version_is_measured_too(client: Any) -> None:
    arn = client.create_policy(PolicyName="small", PolicyDocument=big(200))["Policy"]["Arn"]
    with pytest.raises(ClientError) as caught:
        client.create_policy_version(PolicyArn=arn, PolicyDocument=big(6145))
    assert code(caught) == "LimitExceeded"


def test_the_inline_policies_of_a_role_have_10240_characters_together(client: Any) -> None:
    client.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    client.put_role_policy(RoleName="r", PolicyName="one", PolicyDocument=big(6000))
    with pytest.raises(ClientError) as caught:
        client.put_role_policy(RoleName="r", PolicyName="two", PolicyDocument=big(4241))
    assert message(caught) == "Maximum policy size of 10240 bytes exceeded for role r"
    client.put_role_policy(RoleName="r", PolicyName="two", PolicyDocument=big(4240))
    client.put_role_policy(RoleName="r", PolicyName="two", PolicyDocument=big(4239))  # replaces, adds nothing


def test_a_trust_policy_has_2048_characters_at_most(client: Any) -> None:
    long = trusting({"Service": "lambda.amazonaws.com"}, StringEquals={"aws:SourceAccount": "9" * 2000})
    with pytest.raises(ClientError) as caught:
        client.create_role(RoleName="r", AssumeRolePolicyDocument=long)
    assert message(caught) == "Cannot exceed quota for ACLSizePerRole: 2048"


def test_a_role_has_20_attached_policies_at_most(client: Any) -> None:
    client.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    arns = [client.create_policy(PolicyName=f"p{n}", PolicyDocument=big(200))["Policy"]["Arn"] for n in range(21)]
    for arn in arns[:20]:
        client.attach_role_policy(RoleName="r", PolicyArn=arn)
    client.attach_role_policy(RoleName="r", PolicyArn=arns[0])  # again: nothing new
    with pytest.raises(ClientError) as caught:
        client.attach_role_policy(RoleName="r", PolicyArn=arns[20])
    assert message(caught) == "Cannot exceed quota for PoliciesPerRole: 20"


def test_moto_alone_still_accepts_what_is_too_big() -> None:
    with mock_aws():
        alone = boto3.client("iam", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        alone.create_policy(PolicyName="too-big", PolicyDocument=big(6145))
        assert alone.get_account_summary()["SummaryMap"]["AttachedPoliciesPerRoleQuota"] == 10


def test_the_account_summary_shows_todays_quotas(client: Any) -> None:
    summary = client.get_account_summary()["SummaryMap"]
    told = {
        name: summary[name] for name in ("AttachedPoliciesPerRoleQuota", "PolicySizeQuota", "VersionsPerPolicyQuota")
    }
    assert told == {"AttachedPoliciesPerRoleQuota": 20, "PolicySizeQuota": 6144, "VersionsPerPolicyQuota": 5}


def test_attaching_twice_is_one_attachment(client: Any) -> None:
    client.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    arn = client.create_policy(PolicyName="p", PolicyDocument=big(200))["Policy"]["Arn"]
    client.attach_role_policy(RoleName="r", PolicyArn=arn)
    client.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert client.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1


def test_a_policy_in_use_or_with_older_versions_cannot_be_deleted(client: Any) -> None:
    client.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    arn = client.create_policy(PolicyName="p", PolicyDocument=big(200))["Policy"]["Arn"]
    client.create_policy_version(PolicyArn=arn, PolicyDocument=big(201), SetAsDefault=True)
    client.attach_role_policy(RoleName="r", PolicyArn=arn)
    with pytest.raises(ClientError) as attached:
        client.delete_policy(PolicyArn=arn)
    client.detach_role_policy(RoleName="r", PolicyArn=arn)
    with pytest.raises(ClientError) as versions:
        client.delete_policy(PolicyArn=arn)
    assert [code(attached), code(versions)] == ["DeleteConflict", "DeleteConflict"]
    client.delete_policy_version(PolicyArn=arn, VersionId="v1")
    client.delete_policy(PolicyArn=arn)


@pytest.mark.parametrize("text", ["{", document({"Effect": "Allow", "Action": "s3", "Resource": "*"})])
def test_a_policy_iam_cannot_read_is_malformed(client: Any, text: str) -> None:
    with pytest.raises(ClientError) as caught:
        client.create_policy(PolicyName="p", PolicyDocument=text)
    assert code(caught) == "MalformedPolicyDocument"


def test_trusting_a_role_that_does_not_exist_is_refused(client: Any) -> None:
    nobody = role_arn("nobody")
    with pytest.raises(ClientError) as caught:
        client.create_role(RoleName="r", AssumeRolePolicyDocument=trusting({"AWS": nobody}))
    assert message(caught) == f'Invalid principal in policy: "AWS":"{nobody}"'


def test_a_trust_policy_shows_the_dead_id_of_a_role_that_was_deleted(cloud: Cloud, client: Any) -> None:
    client.create_role(RoleName="a", AssumeRolePolicyDocument=LAMBDA)
    dead = client.get_role(RoleName="a")["Role"]["RoleId"]
    create_role(cloud, "b", trust=trusting({"AWS": role_arn("a")}), account=MEMBER)
    client.delete_role(RoleName="a")
    client.create_role(RoleName="a", AssumeRolePolicyDocument=LAMBDA)
    with cloud.administering(MEMBER):
        trust = cloud.client("iam").get_role(RoleName="b")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"AWS": [dead]}


def test_a_condition_that_names_a_deleted_role_keeps_its_name(cloud: Cloud, client: Any) -> None:
    client.create_role(RoleName="a", AssumeRolePolicyDocument=LAMBDA)
    create_role(
        cloud,
        "b",
        trust=trusting({"AWS": f"arn:aws:iam::{HUB}:root"}, ArnEquals={"aws:PrincipalArn": role_arn("a")}),
        account=MEMBER,
    )
    client.delete_role(RoleName="a")
    with cloud.administering(MEMBER):
        trust = cloud.client("iam").get_role(RoleName="b")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Condition"] == {"ArnEquals": {"aws:PrincipalArn": role_arn("a")}}


def actions(iam: Iam, arn: str) -> list[str] | None:
    """What a role may do, as the rest of AWS knows it."""
    role = iam.documents_of(arn)
    return None if role is None else [each["Statement"][0]["Action"] for each in role.identity]


def test_a_new_role_is_known_elsewhere_after_the_delay(cloud: Cloud, iam: Iam) -> None:
    arn = create_role(cloud, "r", [allow("s3:GetObject")])
    at_once = actions(iam, arn)
    wait(cloud, 8)
    assert (at_once, actions(iam, arn)) == (None, ["s3:GetObject"])


def test_each_of_two_changes_takes_effect_in_its_own_time(cloud: Cloud, iam: Iam) -> None:
    arn = create_role(cloud, "r", [allow("s3:GetObject")])
    wait(cloud, 20)
    seen = []
    put(cloud, "r", allow("s3:PutObject"))
    wait(cloud, 5)
    put(cloud, "r", allow("s3:ListBucket"))
    for _ in range(3):
        seen.append(actions(iam, arn))
        wait(cloud, 4)
    assert seen == [["s3:GetObject"], ["s3:PutObject"], ["s3:ListBucket"]]


def test_a_new_version_of_an_attached_policy_is_delayed_too(cloud: Cloud, iam: Iam, client: Any) -> None:
    arn = create_role(cloud, "r")
    policy = client.create_policy(PolicyName="p", PolicyDocument=document(allow("s3:GetObject")))["Policy"]["Arn"]
    client.attach_role_policy(RoleName="r", PolicyArn=policy)
    wait(cloud, 20)
    client.create_policy_version(PolicyArn=policy, PolicyDocument=document(allow("s3:PutObject")), SetAsDefault=True)
    at_once = actions(iam, arn)
    wait(cloud, 8)
    assert (at_once, actions(iam, arn)) == (["s3:GetObject"], ["s3:PutObject"])


def test_a_deleted_role_lives_on_for_the_delay(cloud: Cloud, iam: Iam, client: Any) -> None:
    arn = create_role(cloud, "r")
    wait(cloud, 20)
    client.delete_role(RoleName="r")
    at_once = iam.documents_of(arn)
    wait(cloud, 8)
    assert (at_once is None, iam.documents_of(arn)) == (False, None)


def test_iam_itself_answers_the_new_state_at_once(client: Any) -> None:
    client.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    assert client.get_role(RoleName="r")["Role"]["Arn"] == role_arn("r")


def test_an_account_has_1000_roles_at_most(client: Any) -> None:
    kept = iam_backends[HUB]["aws"]
    for number in range(999):
        kept.create_role(f"r{number}", LAMBDA, "/", None, "", [], "3600")
    client.create_role(RoleName="fits", AssumeRolePolicyDocument=LAMBDA)
    with pytest.raises(ClientError) as caught:
        client.create_role(RoleName="one-too-many", AssumeRolePolicyDocument=LAMBDA)
    assert (code(caught), message(caught)) == ("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000")
    client.delete_role(RoleName="r0")
    client.create_role(RoleName="fits-now", AssumeRolePolicyDocument=LAMBDA)


def test_an_account_has_1500_policies_of_its_own_at_most(client: Any) -> None:
    kept = iam_backends[HUB]["aws"]
    for number in range(1499):
        kept.create_policy("", "/", big(200), f"p{number}", [])
    arn = client.create_policy(PolicyName="fits", PolicyDocument=big(200))["Policy"]["Arn"]
    with pytest.raises(ClientError) as caught:
        client.create_policy(PolicyName="one-too-many", PolicyDocument=big(200))
    assert (code(caught), message(caught)) == ("LimitExceeded", "Cannot exceed quota for PoliciesPerAccount: 1500")
    client.create_policy_version(PolicyArn=arn, PolicyDocument=big(201))  # no policy more


def test_moto_alone_still_makes_any_number_of_roles() -> None:
    with mock_aws():
        alone = boto3.client("iam", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        kept = iam_backends["123456789012"]["aws"]
        for number in range(1000):
            kept.create_role(f"r{number}", LAMBDA, "/", None, "", [], "3600")
        alone.create_role(RoleName="one-too-many", AssumeRolePolicyDocument=LAMBDA)
        assert len(kept.roles) == 1001

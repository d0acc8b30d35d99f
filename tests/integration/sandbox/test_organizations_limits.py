"""Organizations' limits, states and admissions, where moto's answer is another one or none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.iam.models import iam_backends
from moto.organizations.models import organizations_backends

from sandbox.aws.clock import VirtualClock
from sandbox.aws.identity import acting_as
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.organizations import Organizations
from sandbox.aws.services.sts import Sts
from tests.integration.sandbox.roles import code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.cloud import Cloud

HUB = "444455556666"
ROLE = "OrganizationAccountAccessRole"
STACKSETS = "member.org.stacksets.cloudformation.amazonaws.com"
TAG: list[Any] = [{"Key": "quick-athena", "Value": "enabled"}]


@pytest.fixture
def organizations(cloud: Cloud) -> Organizations:
    service = Organizations(cloud)
    service.create_organization()
    return service


@pytest.fixture
def client(cloud: Cloud, organizations: Organizations) -> Iterator[Any]:
    with cloud.administering(organizations.management_account):
        yield cloud.client("organizations", "us-east-1")


def reason(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Reason"])  # type: ignore[typeddict-item]  # modeled member


def settle(cloud: Cloud) -> None:
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.run()


@pytest.fixture
def moto_alone() -> Iterator[Any]:
    with mock_aws():
        organizations_backends.master_accounts.clear()
        alone = boto3.client("organizations", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        alone.create_organization(FeatureSet="ALL")
        yield alone


# --- states


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("PENDING_ACTIVATION", None),
        ("ACTIVE", "ACTIVE"),
        ("SUSPENDED", "SUSPENDED"),
        ("PENDING_CLOSURE", "PENDING_CLOSURE"),
        ("CLOSED", None),
    ],
)
def test_an_account_can_be_in_each_of_awss_states(
    client: Any, organizations: Organizations, state: str, status: str | None
) -> None:
    account_id = organizations.create_member("sales")
    organizations.put_in_state(account_id, state)
    account = client.describe_account(AccountId=account_id)["Account"]
    assert (account["State"], account.get("Status")) == (state, status)
    assert organizations.state_of(account_id) == state


def test_a_state_aws_has_not_is_refused(organizations: Organizations) -> None:
    account_id = organizations.create_member("sales")
    with pytest.raises(ValueError, match="SLEEPING one of"):
        organizations.put_in_state(account_id, "SLEEPING")
    with pytest.raises(ValueError, match="must be an account of this organization"):
        organizations.put_in_state("999999999999", "ACTIVE")
    assert organizations.state_of(account_id) == "ACTIVE"


def test_only_an_active_account_is_closed_and_only_a_closed_one_cleaned_up(
    client: Any, organizations: Organizations
) -> None:
    account_id = organizations.create_member("sales")
    organizations.put_in_state(account_id, "CLOSED")
    with pytest.raises(ClientError, match="AccountAlreadyClosedException"):
        client.close_account(AccountId=account_id)
    organizations.remove_closed_account(account_id)
    assert organizations.state_of(account_id) is None


def test_creations_are_listed_by_state(cloud: Cloud, client: Any) -> None:
    client.create_account(Email="sales@example.com", AccountName="sales")
    client.create_account(Email="sales@example.com", AccountName="again")
    settle(cloud)
    client.create_account(Email="late@example.com", AccountName="late")
    listed = client.list_create_account_status()["CreateAccountStatuses"]
    assert [(each["AccountName"], each["State"]) for each in listed] == [
        ("sales", "SUCCEEDED"),
        ("again", "FAILED"),
        ("late", "IN_PROGRESS"),
    ]
    failed = client.list_create_account_status(States=["FAILED"])["CreateAccountStatuses"]
    assert [each["AccountName"] for each in failed] == ["again"]


# --- limits


def test_a_page_of_more_than_twenty_is_refused(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.list_accounts(MaxResults=21)
    assert (code(caught), reason(caught)) == ("InvalidInputException", "MAX_VALUE_EXCEEDED")
    assert len(client.list_accounts(MaxResults=20)["Accounts"]) == 2


def test_units_are_nested_five_deep_at_most(client: Any, organizations: Organizations) -> None:
    parent = organizations.root_id
    for level in range(5):
        answer = client.create_organizational_unit(ParentId=parent, Name=f"level-{level}")
        parent = answer["OrganizationalUnit"]["Id"]
    with pytest.raises(ClientError) as caught:
        client.create_organizational_unit(ParentId=parent, Name="level-5")
    assert (code(caught), reason(caught)) == ("ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED")


def test_moto_alone_nests_units_deeper(moto_alone: Any) -> None:
    parent = moto_alone.list_roots()["Roots"][0]["Id"]
    for level in range(6):
        answer = moto_alone.create_organizational_unit(ParentId=parent, Name=f"level-{level}")
        parent = answer["OrganizationalUnit"]["Id"]
    assert moto_alone.list_parents(ChildId=parent)["Parents"][0]["Type"] == "ORGANIZATIONAL_UNIT"


def test_what_is_no_id_is_no_target(client: Any) -> None:
    requests: list[tuple[str, dict[str, Any]]] = [
        ("tag_resource", {"ResourceId": "12345", "Tags": TAG}),
        ("untag_resource", {"ResourceId": "ou-1", "TagKeys": ["a"]}),
        ("list_tags_for_resource", {"ResourceId": "arn:aws:iam::111122223333:root"}),
    ]
    for operation, request in requests:
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**request)
        assert (code(caught), reason(caught)) == ("InvalidInputException", "INVALID_PATTERN")


@pytest.mark.parametrize("text", ["équipe données", "部署 一", "a\u00a0b", "½ done", "_.:/=+-@"])
def test_letters_numbers_and_separators_of_every_script_make_a_tag(
    client: Any, organizations: Organizations, text: str
) -> None:
    account_id = organizations.create_member("sales")
    client.tag_resource(ResourceId=account_id, Tags=[{"Key": text, "Value": text}])
    assert client.list_tags_for_resource(ResourceId=account_id)["Tags"] == [{"Key": text, "Value": text}]


@pytest.mark.parametrize("text", ["a,b", "a;b", "line\n", "tab\t", "emoji 🙂", "e\u0301"])
def test_signs_and_marks_make_none(client: Any, organizations: Organizations, text: str) -> None:
    account_id = organizations.create_member("sales")
    with pytest.raises(ClientError) as caught:
        client.tag_resource(ResourceId=account_id, Tags=[{"Key": "key", "Value": text}])
    assert reason(caught) == "INVALID_PATTERN"
    assert client.list_tags_for_resource(ResourceId=account_id)["Tags"] == []


def test_fifty_tags_fit_and_replacing_one_of_them_adds_none(client: Any, organizations: Organizations) -> None:
    account_id = organizations.create_member("sales", tags={f"key{number}": "v" for number in range(50)})
    client.tag_resource(ResourceId=account_id, Tags=[{"Key": "key7", "Value": "new"}])
    with pytest.raises(ClientError) as caught:
        client.tag_resource(ResourceId=account_id, Tags=TAG)
    assert reason(caught) == "MAX_TAG_LIMIT_EXCEEDED"
    assert {"Key": "key7", "Value": "new"} in client.list_tags_for_resource(ResourceId=account_id)["Tags"]


# --- who may


def test_what_moto_answers_is_not_for_every_member_either(
    cloud: Cloud, client: Any, organizations: Organizations
) -> None:
    member = organizations.create_member("sales")
    with cloud.administering(member), pytest.raises(ClientError) as listed:
        client.list_policies(Filter="SERVICE_CONTROL_POLICY")
    with cloud.administering(member), pytest.raises(ClientError) as changed:
        client.disable_aws_service_access(ServicePrincipal=STACKSETS)
    assert (code(listed), code(changed)) == ("AccessDeniedException", "AccessDeniedException")
    client.register_delegated_administrator(AccountId=HUB, ServicePrincipal=STACKSETS)
    with cloud.administering(HUB):
        assert client.list_policies(Filter="SERVICE_CONTROL_POLICY")["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(ClientError, match="AccessDeniedException"):
            client.deregister_delegated_administrator(AccountId=HUB, ServicePrincipal=STACKSETS)
    (policy,) = client.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert f"/{organizations.organization_id}/" in policy["Arn"]


def test_a_delegated_tagger_tags_members_only_and_nobody_else_may(
    cloud: Cloud, client: Any, organizations: Organizations
) -> None:
    account_id, another = organizations.create_member("sales"), organizations.create_member("hr")
    organizations.taggers.add(HUB)
    with cloud.administering(HUB):
        client.tag_resource(ResourceId=account_id, Tags=TAG)
        client.untag_resource(ResourceId=account_id, TagKeys=["never-there"])
        with pytest.raises(ClientError) as outside:
            client.tag_resource(ResourceId="999999999999", Tags=TAG)
        with pytest.raises(ClientError) as moving:
            client.close_account(AccountId=account_id)
    with cloud.administering(another), pytest.raises(ClientError) as tagging:
        client.tag_resource(ResourceId=account_id, Tags=TAG)
    assert (code(outside), code(moving), code(tagging)) == (
        "TargetNotFoundException",
        "AccessDeniedException",
        "AccessDeniedException",
    )
    assert client.list_tags_for_resource(ResourceId=account_id)["Tags"] == TAG


# --- the role of created accounts


def enter(cloud: Cloud, caller: str, account_id: str) -> Any:
    """What somebody who has the role of an account may do there: here, anything at all."""
    with cloud.administering(caller):
        answer = cloud.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account_id}:role/{ROLE}", RoleSessionName="admin"
        )
    session = cloud.identities.of(answer["Credentials"]["AccessKeyId"])
    assert session
    return acting_as(session)


def test_the_management_account_enters_a_created_account_and_may_do_all_in_it(
    cloud: Cloud, client: Any, organizations: Organizations
) -> None:
    Sts(cloud, Iam(cloud))
    client.create_account(Email="sales@example.com", AccountName="sales")
    settle(cloud)
    account_id = client.list_accounts()["Accounts"][-1]["Id"]
    seeded = organizations.create_member("seeded")
    for entered in (account_id, seeded):
        with enter(cloud, organizations.management_account, entered) as session:
            assert session.administrator
            cloud.client("sqs").create_queue(QueueName="mine")
            assert cloud.client("sts").get_caller_identity()["Account"] == entered
        with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole"):
            enter(cloud, HUB, entered)


def test_the_role_is_an_administrators_only_while_its_policy_says_so(
    cloud: Cloud, organizations: Organizations
) -> None:
    iam = Iam(cloud)
    Sts(cloud, iam)
    account_id = organizations.create_member("sales")
    with enter(cloud, organizations.management_account, account_id) as session:
        assert session.administrator
        cloud.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="AdministratorAccess")
        assert session.administrator  # IAM has not told the others yet
        iam.settle()
        assert not session.administrator


def test_an_invited_account_brings_no_such_role(organizations: Organizations) -> None:
    account_id = organizations.accept_invitation("sales")
    assert list(iam_backends[account_id]["aws"].roles) == []


# --- the resource policy


def test_the_resource_policy_is_one_and_lets_members_tag_as_it_says(
    cloud: Cloud, client: Any, organizations: Organizations
) -> None:
    account_id = organizations.create_member("sales")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"},
        "Action": "organizations:TagResource",
        "Resource": f"arn:aws:organizations::*:account/{organizations.organization_id}/*",
        "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "mine"}, "Null": {"aws:TagKeys": "false"}},
    }
    with pytest.raises(ClientError, match="ResourcePolicyNotFoundException"):
        client.describe_resource_policy()
    with pytest.raises(ClientError, match="InvalidInputException"):
        client.put_resource_policy(Content="{}")
    content = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.put_resource_policy(Content=content)
    assert client.describe_resource_policy()["ResourcePolicy"]["Content"] == content
    with cloud.administering(HUB):
        client.tag_resource(ResourceId=account_id, Tags=[{"Key": "mine", "Value": "yes"}])
        with pytest.raises(ClientError, match="AccessDeniedException"):
            client.tag_resource(ResourceId=account_id, Tags=TAG)
        with pytest.raises(ClientError, match="AccessDeniedException"):
            client.put_resource_policy(Content=content)
    client.delete_resource_policy()
    with cloud.administering(HUB), pytest.raises(ClientError, match="AccessDeniedException"):
        client.tag_resource(ResourceId=account_id, Tags=[{"Key": "mine", "Value": "no"}])


def test_moto_alone_knows_no_resource_policy(moto_alone: Any) -> None:
    with pytest.raises(NotImplementedError):
        moto_alone.put_resource_policy(Content="{}")

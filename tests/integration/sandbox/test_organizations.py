"""Organizations as AWS has it, through the gateway; beside each difference, moto alone where that is cheap."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.organizations.models import organizations_backends

from sandbox.aws.clock import VirtualClock
from sandbox.aws.cloud import Cloud
from sandbox.aws.event_pattern import matches
from sandbox.aws.services.iam_documents import role_documents
from sandbox.aws.services.organizations import Organizations, organization_of, organization_path

STACKSETS = "member.org.stacksets.cloudformation.amazonaws.com"
MANAGEMENT, HUB = "111122223333", "444455556666"


class Received:
    """What CloudTrail received EventBridge: where, and the envelope."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str, dict[str, Any]]] = []

    def publish(self, account: str, region: str, bus_name: str, envelope: dict[str, Any]) -> None:
        """Takes note."""
        self.events.append((account, region, bus_name, envelope))

    def names(self) -> list[str]:
        """The events' names, in the order they came."""
        return [envelope["detail"]["eventName"] for *_, envelope in self.events]

    def detail(self, name: str) -> dict[str, Any]:
        """The detail of the one event of that name."""
        (found,) = [envelope["detail"] for *_, envelope in self.events if envelope["detail"]["eventName"] == name]
        return dict(found)


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
def organizations(cloud: Cloud, received: Received) -> Organizations:
    service = Organizations(cloud, received)
    service.create_organization()
    return service


@pytest.fixture
def client(cloud: Cloud, organizations: Organizations) -> Iterator[Any]:
    """Whoever uses it is the management account's administrator."""
    assert organizations.management_account == MANAGEMENT
    with cloud.administering(MANAGEMENT):
        yield cloud.client("organizations", "us-east-1")


@pytest.fixture
def moto_alone() -> Iterator[Any]:
    """An organization as moto has it without us."""
    with mock_aws():
        organizations_backends.master_accounts.clear()
        alone = boto3.client("organizations", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        alone.create_organization(FeatureSet="ALL")
        yield alone


def settle(cloud: Cloud) -> None:
    """Let everything happen that is under way."""
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.run()


def refusal(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# --- the organization and its reading


def test_the_organization_begins_with_a_management_and_a_hub_account(client: Any) -> None:
    accounts = client.list_accounts()["Accounts"]
    assert {account["Id"]: account["Name"] for account in accounts} == {
        MANAGEMENT: "management",
        HUB: "quick-hub",
    }
    organization = client.describe_organization()["Organization"]
    assert (organization["MasterAccountId"], organization["FeatureSet"]) == (MANAGEMENT, "ALL")


def test_the_same_seed_gives_the_same_twelve_digit_ids(cloud: Cloud) -> None:
    runs = []
    for _ in range(2):
        organizations_backends.reset()
        service = Organizations(cloud)
        service.create_organization()
        runs.append([service.create_member(f"account {number}") for number in range(50)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 50
    assert all(len(each) == 12 and each.isdigit() for each in runs[0])


def test_an_account_shows_its_state_and_its_path_through_nested_units(
    client: Any, organizations: Organizations
) -> None:
    outer = organizations.create_unit("data")
    inner = organizations.create_unit("analytics", parent=outer)
    account_id = organizations.create_member("sales", tags={"owner": "ann"}, parent=inner)
    account = client.describe_account(AccountId=account_id)["Account"]
    assert (account["State"], account["Status"]) == ("ACTIVE", "ACTIVE")
    root, organization = organizations.root_id, organizations.organization_id
    assert account["Paths"] == [f"{organization}/{root}/{outer}/{inner}/{account_id}/"]
    assert client.describe_organizational_unit(OrganizationalUnitId=inner)["OrganizationalUnit"]["Path"] == (
        f"{organization}/{root}/{outer}/{inner}/"
    )
    assert (organization_of(account_id), organization_path(account_id)) == (
        organization,
        f"{organization}/{root}/{outer}/{inner}/",
    )


def test_parents_children_and_units_are_listed_per_level(client: Any, organizations: Organizations) -> None:
    outer = organizations.create_unit("data")
    inner = organizations.create_unit("analytics", parent=outer)
    account_id = organizations.create_member("sales", parent=inner)
    assert client.list_parents(ChildId=account_id)["Parents"] == [{"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}]
    assert client.list_parents(ChildId=outer)["Parents"] == [{"Id": organizations.root_id, "Type": "ROOT"}]
    assert [each["Id"] for each in client.list_accounts_for_parent(ParentId=inner)["Accounts"]] == [account_id]
    assert client.list_accounts_for_parent(ParentId=outer)["Accounts"] == []
    units = client.list_organizational_units_for_parent(ParentId=outer)["OrganizationalUnits"]
    assert [unit["Name"] for unit in units] == ["analytics"]
    children = client.list_children(ParentId=inner, ChildType="ACCOUNT")["Children"]
    assert children == [{"Id": account_id, "Type": "ACCOUNT"}]
    assert [root["Id"] for root in client.list_roots()["Roots"]] == [organizations.root_id]


def test_what_stack_sets_ask_of_the_organization(organizations: Organizations) -> None:
    outer = organizations.create_unit("data")
    inner = organizations.create_unit("analytics", parent=outer)
    deep, shallow = organizations.create_member("a", parent=inner), organizations.create_member("b", parent=outer)
    assert organizations.accounts_below(outer) == [deep, shallow]
    assert organizations.accounts_below(organizations.root_id) == [MANAGEMENT, HUB, deep, shallow]
    assert organizations.accounts_below("ou-ab12-00000000") is None
    assert (organizations.state_of(deep), organizations.state_of("999999999999")) == ("ACTIVE", None)


def test_accounts_come_in_pages_of_twenty_and_a_departure_skips_nobody(
    client: Any, organizations: Organizations
) -> None:
    members = [organizations.create_member(f"account {number}") for number in range(45)]
    first = client.list_accounts()
    assert len(first["Accounts"]) == 20
    client.remove_account_from_organization(AccountId=members[0])
    rest, token = [], first["NextToken"]
    while token:
        page = client.list_accounts(NextToken=token)
        rest += page["Accounts"]
        token = page.get("NextToken")
    assert [each["Id"] for each in first["Accounts"] + rest] == [MANAGEMENT, HUB, *members]


def test_moto_alone_has_pages_of_a_hundred(moto_alone: Any) -> None:
    for number in range(25):
        moto_alone.create_account(Email=f"{number}@example.com", AccountName=str(number))
    assert len(moto_alone.list_accounts()["Accounts"]) == 26


def test_a_made_up_token_is_refused(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.list_accounts(NextToken="next")
    assert refusal(caught)[0] == "InvalidInputException"
    assert caught.value.response["Reason"] == "INVALID_NEXT_TOKEN"  # type: ignore[typeddict-item]  # modeled member


def test_ten_thousand_accounts_are_seeded_and_listed(client: Any, organizations: Organizations) -> None:
    members = {organizations.create_member(f"account {number}") for number in range(10_000)}
    pages = client.get_paginator("list_accounts").paginate()
    listed = [each["Id"] for page in pages for each in page["Accounts"]]
    assert len(listed) == 10_002
    assert set(listed) == members | {MANAGEMENT, HUB}


# --- who may ask


def test_a_member_sees_nothing_but_which_organization_it_is_in(cloud: Cloud, organizations: Organizations) -> None:
    member = organizations.create_member("sales")
    client = cloud.client("organizations", "us-east-1")
    with cloud.administering(member):
        assert client.describe_organization()["Organization"]["Id"] == organizations.organization_id
        for ask in (client.list_accounts, lambda: client.list_tags_for_resource(ResourceId=member)):
            with pytest.raises(ClientError) as caught:
                ask()
            assert refusal(caught) == (
                "AccessDeniedException",
                "You don't have permissions to access this resource.",
            )


def test_an_outsider_is_in_no_organization(cloud: Cloud, organizations: Organizations) -> None:
    assert organizations.state_of("999999999999") is None
    with cloud.administering("999999999999"), pytest.raises(ClientError) as caught:
        cloud.client("organizations", "us-east-1").list_accounts()
    assert refusal(caught)[0] == "AWSOrganizationsNotInUseException"


def test_a_delegated_administrator_reads_everything_and_changes_nothing(cloud: Cloud, client: Any) -> None:
    client.register_delegated_administrator(AccountId=HUB, ServicePrincipal=STACKSETS)
    listed = client.list_delegated_administrators(ServicePrincipal=STACKSETS)["DelegatedAdministrators"]
    assert [each["Id"] for each in listed] == [HUB]
    with cloud.administering(HUB):
        assert len(client.list_accounts()["Accounts"]) == 2
        assert client.list_tags_for_resource(ResourceId=MANAGEMENT)["Tags"] == []
        with pytest.raises(ClientError) as caught:
            client.tag_resource(ResourceId=MANAGEMENT, Tags=[{"Key": "a", "Value": "b"}])
    assert refusal(caught)[0] == "AccessDeniedException"


def test_stack_sets_can_be_trusted_and_delegated_once(client: Any, organizations: Organizations) -> None:
    client.enable_aws_service_access(ServicePrincipal=STACKSETS)
    trusted = client.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [each["ServicePrincipal"] for each in trusted] == [STACKSETS]
    client.register_delegated_administrator(AccountId=HUB, ServicePrincipal=STACKSETS)
    assert organizations.delegated_administrators(STACKSETS) == [HUB]
    with pytest.raises(ClientError) as caught:
        client.register_delegated_administrator(AccountId=HUB, ServicePrincipal=STACKSETS)
    assert refusal(caught)[0] == "AccountAlreadyRegisteredException"


def test_moto_alone_cannot_delegate_stack_sets(moto_alone: Any) -> None:
    created = moto_alone.create_account(Email="hub@example.com", AccountName="hub")["CreateAccountStatus"]
    with pytest.raises(ClientError, match="unrecognized service principal"):
        moto_alone.register_delegated_administrator(AccountId=created["AccountId"], ServicePrincipal=STACKSETS)


# --- tags


def test_tags_are_added_replaced_and_taken_away(client: Any, organizations: Organizations) -> None:
    account_id = organizations.create_member("sales", tags={"owner": "ann", "stage": "test"})
    client.tag_resource(ResourceId=account_id, Tags=[{"Key": "owner", "Value": "bob"}])
    client.untag_resource(ResourceId=account_id, TagKeys=["stage", "never-there"])
    assert client.list_tags_for_resource(ResourceId=account_id)["Tags"] == [{"Key": "owner", "Value": "bob"}]


@pytest.mark.parametrize(
    ("tags", "code", "reason"),
    [
        ({f"key{number}": "v" for number in range(51)}, "ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED"),
        ({"quick-athena": "a,b"}, "InvalidInputException", "INVALID_PATTERN"),
        ({"aws:owner": "ann"}, "InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER"),
        ({"AWS:owner": "ann"}, "InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER"),
        ({"quick\tathena": "enabled"}, "InvalidInputException", "INVALID_PATTERN"),
        ({"k" * 129: "v"}, "InvalidInputException", "MAX_LENGTH_EXCEEDED"),
        ({"k": "v" * 257}, "InvalidInputException", "MAX_LENGTH_EXCEEDED"),
    ],
)
def test_tags_organizations_refuses_change_nothing(
    client: Any, organizations: Organizations, tags: dict[str, str], code: str, reason: str
) -> None:
    account_id = organizations.create_member("sales", tags={"owner": "ann"})
    with pytest.raises(ClientError) as caught:
        client.tag_resource(ResourceId=account_id, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    assert (refusal(caught)[0], caught.value.response["Reason"]) == (code, reason)  # type: ignore[typeddict-item]
    assert client.list_tags_for_resource(ResourceId=account_id)["Tags"] == [{"Key": "owner", "Value": "ann"}]


def test_moto_alone_takes_any_number_of_tags(moto_alone: Any) -> None:
    root = moto_alone.list_roots()["Roots"][0]["Id"]
    moto_alone.tag_resource(ResourceId=root, Tags=[{"Key": f"k{number}", "Value": "v"} for number in range(51)])
    assert len(moto_alone.list_tags_for_resource(ResourceId=root)["Tags"]) == 51


def test_what_does_not_exist_has_no_tags(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.tag_resource(ResourceId="999999999999", Tags=[{"Key": "a", "Value": "b"}])
    assert refusal(caught) == ("TargetNotFoundException", "You specified a target that doesn't exist.")


# --- events


def test_tagging_is_reported_in_cloudtrails_words_on_the_default_bus_a_little_later(
    cloud: Cloud, client: Any, organizations: Organizations, received: Received
) -> None:
    account_id = organizations.create_member("sales")
    client.tag_resource(ResourceId=account_id, Tags=[{"Key": "quick-athena", "Value": "enabled"}])
    assert received.events == []
    settle(cloud)
    ((account, region, bus, envelope),) = received.events
    assert (account, region, bus) == (MANAGEMENT, "us-east-1", "default")
    pattern = {
        "source": ["aws.organizations"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventName": ["TagResource"],
            "errorCode": [{"exists": False}],
            "requestParameters": {"resourceId": [account_id], "tags": {"key": ["quick-athena"]}},
        },
    }
    assert matches(pattern, envelope)
    assert envelope["time"] == "2026-11-24T08:00:00Z"
    assert cloud.clock.now().strftime("%H:%M:%S") == "08:00:05"
    assert set(envelope) == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    }  # fmt: skip
    assert set(envelope["detail"]) == {
        "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress",
        "userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "eventType",
        "managementEvent", "recipientAccountId", "eventCategory",
    }  # fmt: skip


def test_a_failed_call_is_reported_with_its_error_code(cloud: Cloud, client: Any, received: Received) -> None:
    with pytest.raises(ClientError):
        client.untag_resource(ResourceId="999999999999", TagKeys=["quick-athena"])
    settle(cloud)
    detail = received.detail("UntagResource")
    assert detail["errorCode"] == "TargetNotFoundException"
    assert detail["errorMessage"] == "You specified a target that doesn't exist."
    assert detail["requestParameters"] == {"resourceId": "999999999999", "tagKeys": ["quick-athena"]}


def test_reading_is_not_reported(cloud: Cloud, client: Any, received: Received) -> None:
    client.list_accounts()
    client.list_tags_for_resource(ResourceId=MANAGEMENT)
    settle(cloud)
    assert received.events == []


def test_a_call_is_reported_in_the_account_that_made_it(
    cloud: Cloud, organizations: Organizations, client: Any, received: Received
) -> None:
    organizations.taggers.add(HUB)
    with cloud.administering(HUB):
        client.tag_resource(ResourceId=HUB, Tags=[{"Key": "stage", "Value": "prod"}])
    settle(cloud)
    assert [(account, envelope["account"]) for account, _, _, envelope in received.events] == [(HUB, HUB)]


def test_seeded_accounts_are_reported_to_nobody(cloud: Cloud, organizations: Organizations, received: Received) -> None:
    organizations.create_member("sales", tags={"quick-athena": "enabled"})
    settle(cloud)
    assert received.events == []


# --- accounts come


def test_an_account_is_created_in_the_background(cloud: Cloud, client: Any, received: Received) -> None:
    tags = [{"Key": "quick-athena", "Value": "enabled"}]
    status = client.create_account(Email="sales@example.com", AccountName="sales", Tags=tags)["CreateAccountStatus"]
    assert (status["State"], "AccountId" in status) == ("IN_PROGRESS", False)
    assert len(client.list_accounts()["Accounts"]) == 2
    settle(cloud)
    done = client.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert done["State"] == "SUCCEEDED"
    assert (done["CompletedTimestamp"] - done["RequestedTimestamp"]).total_seconds() == 20
    assert client.list_tags_for_resource(ResourceId=done["AccountId"])["Tags"] == tags
    assert received.names() == ["CreateAccount", "AccountJoinedOrganization", "CreateAccountResult"]


def test_the_creation_events_keep_names_and_addresses_to_themselves(
    cloud: Cloud, client: Any, received: Received
) -> None:
    status = client.create_account(Email="sales@example.com", AccountName="sales")["CreateAccountStatus"]
    settle(cloud)
    asked = received.detail("CreateAccount")
    assert asked["requestParameters"] == {"email": "****", "accountName": "****"}
    assert asked["responseElements"]["createAccountStatus"] == {
        "id": status["Id"],
        "accountName": "****",
        "state": "IN_PROGRESS",
        "requestedTimestamp": "Nov 24, 2026 8:00:00 AM",
    }
    result = received.detail("CreateAccountResult")
    assert (result["eventType"], result["requestParameters"]) == ("AwsServiceEvent", None)
    account_id = client.list_accounts()["Accounts"][-1]["Id"]
    assert result["serviceEventDetails"]["createAccountStatus"] == {
        "id": status["Id"],
        "state": "SUCCEEDED",
        "accountName": "****",
        "accountId": account_id,
        "requestedTimestamp": "Nov 24, 2026 8:00:00 AM",
        "completedTimestamp": "Nov 24, 2026 8:00:20 AM",
    }
    joined = received.detail("AccountJoinedOrganization")["serviceEventDetails"]
    assert (joined["accountId"], joined["joinedMethod"]) == (account_id, "Created")


def test_a_taken_address_fails_only_at_the_end(cloud: Cloud, client: Any, received: Received) -> None:
    client.create_account(Email="sales@example.com", AccountName="sales")
    again = client.create_account(Email="sales@example.com", AccountName="again")["CreateAccountStatus"]
    settle(cloud)
    done = client.describe_create_account_status(CreateAccountRequestId=again["Id"])["CreateAccountStatus"]
    assert (done["State"], done["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert len(client.list_accounts()["Accounts"]) == 3
    *_, (_, _, _, envelope) = received.events
    told_of = envelope["detail"]["serviceEventDetails"]["createAccountStatus"]
    assert (told_of["state"], told_of["failureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "accountId" not in told_of


def test_moto_alone_creates_at_once_and_takes_an_address_twice(moto_alone: Any) -> None:
    states = [
        moto_alone.create_account(Email="sales@example.com", AccountName="sales")["CreateAccountStatus"]["State"]
        for _ in range(2)
    ]
    assert states == ["SUCCEEDED", "SUCCEEDED"]


def test_a_created_account_has_the_role_its_management_account_administers_it_with(cloud: Cloud, client: Any) -> None:
    client.create_account(Email="sales@example.com", AccountName="sales")
    settle(cloud)
    account_id = client.list_accounts()["Accounts"][-1]["Id"]
    documents = role_documents(account_id, "OrganizationAccountAccessRole")
    assert documents.trust["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}
    assert documents.identity[0]["Statement"][0]["Action"] == "*"


def test_an_unknown_creation_is_not_found(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.describe_create_account_status(CreateAccountRequestId="car-00000000")
    assert refusal(caught)[0] == "CreateAccountStatusNotFoundException"


def test_of_an_invited_account_only_its_joining_is_reported(
    cloud: Cloud, client: Any, organizations: Organizations, received: Received
) -> None:
    account_id = organizations.accept_invitation("sales", tags={"quick-athena": "enabled"})
    settle(cloud)
    assert received.names() == ["AccountJoinedOrganization"]
    assert received.detail("AccountJoinedOrganization")["serviceEventDetails"]["joinedMethod"] == "Invited"
    assert client.describe_account(AccountId=account_id)["Account"]["JoinedMethod"] == "INVITED"


# --- accounts move and go


def test_an_account_moves_between_units(
    cloud: Cloud, client: Any, organizations: Organizations, received: Received
) -> None:
    unit, account_id = organizations.create_unit("data"), organizations.create_member("sales")
    client.move_account(AccountId=account_id, SourceParentId=organizations.root_id, DestinationParentId=unit)
    settle(cloud)
    assert client.list_parents(ChildId=account_id)["Parents"][0]["Id"] == unit
    assert received.detail("MoveAccount")["requestParameters"] == {
        "accountId": account_id,
        "sourceParentId": organizations.root_id,
        "destinationParentId": unit,
    }


def test_a_move_that_cannot_be_is_refused(client: Any, organizations: Organizations) -> None:
    root, unit = organizations.root_id, organizations.create_unit("data")
    account_id = organizations.create_member("sales")
    for account, source, destination, code in (
        ("999999999999", root, unit, "AccountNotFoundException"),
        (account_id, unit, root, "SourceParentNotFoundException"),
        (account_id, root, "ou-ab12-00000000", "DestinationParentNotFoundException"),
        (account_id, root, root, "DuplicateAccountException"),
    ):
        with pytest.raises(ClientError) as caught:
            client.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)
        assert refusal(caught)[0] == code


def test_moto_alone_moves_from_where_the_account_is_not(moto_alone: Any) -> None:
    root = moto_alone.list_roots()["Roots"][0]["Id"]
    unit = moto_alone.create_organizational_unit(ParentId=root, Name="data")["OrganizationalUnit"]["Id"]
    account = moto_alone.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["AccountId"]
    moto_alone.move_account(AccountId=account, SourceParentId=unit, DestinationParentId=unit)
    assert moto_alone.list_parents(ChildId=account)["Parents"][0]["Id"] == unit


def test_closing_an_account_takes_a_while(
    cloud: Cloud, client: Any, organizations: Organizations, received: Received
) -> None:
    account_id = organizations.create_member("sales")
    client.close_account(AccountId=account_id)
    assert client.describe_account(AccountId=account_id)["Account"]["State"] == "PENDING_CLOSURE"
    settle(cloud)
    closed = client.describe_account(AccountId=account_id)["Account"]
    assert (closed["State"], closed["Status"]) == ("SUSPENDED", "SUSPENDED")
    assert received.names() == ["CloseAccount", "CloseAccountResult"]
    details = received.detail("CloseAccountResult")["serviceEventDetails"]["closeAccountStatus"]
    assert (details["accountId"], details["state"]) == (account_id, "SUCCEEDED")


def test_moto_alone_closes_at_once(moto_alone: Any) -> None:
    account = moto_alone.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["AccountId"]
    moto_alone.close_account(AccountId=account)
    assert moto_alone.describe_account(AccountId=account)["Account"]["Status"] == "SUSPENDED"


def test_an_account_is_closed_once_and_the_management_account_never(client: Any, organizations: Organizations) -> None:
    account_id = organizations.create_member("sales")
    client.close_account(AccountId=account_id)
    for account, code in (
        (account_id, "AccountAlreadyClosedException"),
        (MANAGEMENT, "ConstraintViolationException"),
        ("999999999999", "AccountNotFoundException"),
    ):
        with pytest.raises(ClientError) as caught:
            client.close_account(AccountId=account)
        assert refusal(caught)[0] == code


def test_a_removed_account_is_gone_with_its_tags(
    cloud: Cloud, client: Any, organizations: Organizations, received: Received
) -> None:
    account_id = organizations.create_member("sales", tags={"quick-athena": "enabled"})
    client.remove_account_from_organization(AccountId=account_id)
    settle(cloud)
    with pytest.raises(ClientError) as described:
        client.describe_account(AccountId=account_id)
    with pytest.raises(ClientError) as tagged:
        client.list_tags_for_resource(ResourceId=account_id)
    assert refusal(described) == ("AccountNotFoundException", "You specified an account that doesn't exist.")
    assert refusal(tagged)[0] == "TargetNotFoundException"
    assert organization_of(account_id) is None
    assert sorted(received.names()) == ["AccountDepartedOrganization", "RemoveAccountFromOrganization"]
    departed = received.detail("AccountDepartedOrganization")["serviceEventDetails"]
    assert (departed["accountId"], departed["departureMethod"]) == (account_id, "REMOVED")


def test_neither_the_management_account_nor_a_delegated_administrator_can_be_removed(client: Any) -> None:
    client.register_delegated_administrator(AccountId=HUB, ServicePrincipal=STACKSETS)
    for account, code in (
        (MANAGEMENT, "MasterCannotLeaveOrganizationException"),
        (HUB, "ConstraintViolationException"),
    ):
        with pytest.raises(ClientError) as caught:
            client.remove_account_from_organization(AccountId=account)
        assert refusal(caught)[0] == code


def test_an_account_that_leaves_says_so_on_its_own_bus_only(
    cloud: Cloud, organizations: Organizations, received: Received
) -> None:
    account_id = organizations.create_member("sales")
    with cloud.administering(account_id):
        cloud.client("organizations", "us-east-1").leave_organization()
    settle(cloud)
    assert {(account, envelope["detail"]["eventName"]) for account, _, _, envelope in received.events} == {
        (account_id, "LeaveOrganization"),
        (MANAGEMENT, "AccountDepartedOrganization"),
    }


def test_a_closed_account_is_cleaned_up_for_good(
    cloud: Cloud, client: Any, organizations: Organizations, received: Received
) -> None:
    account_id = organizations.create_member("sales")
    client.close_account(AccountId=account_id)
    settle(cloud)
    organizations.remove_closed_account(account_id)
    settle(cloud)
    assert organizations.state_of(account_id) is None
    departed = received.detail("AccountDepartedOrganization")["serviceEventDetails"]
    assert departed["departureMethod"] == "CLEANED"


def test_units_need_a_parent_and_a_name_of_their_own(client: Any, organizations: Organizations) -> None:
    unit = client.create_organizational_unit(ParentId=organizations.root_id, Name="data")["OrganizationalUnit"]
    assert unit["Path"] == f"{organizations.organization_id}/{organizations.root_id}/{unit['Id']}/"
    for parent, code in (
        (organizations.root_id, "DuplicateOrganizationalUnitException"),
        ("ou-ab12-00000000", "ParentNotFoundException"),
    ):
        with pytest.raises(ClientError) as caught:
            client.create_organizational_unit(ParentId=parent, Name="data")
        assert refusal(caught)[0] == code

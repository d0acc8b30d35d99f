"""Quick's subscription, edition, identity Region and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.integration.sandbox.quick_setup import (
    GROUP,
    REGION,
    SOURCE,
    VIEW,
    World,
    error,
    make_world,
)
from tests.integration.sandbox.roles import HUB, code, message

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

AUTHORS: Any = {"Namespace": "default", "GroupName": "authors"}
VIEWERS: Any = [{"Principal": GROUP, "Actions": [f"quicksight:{each}" for each in VIEW]}]


@pytest.fixture
def world(cloud: Cloud) -> World:
    return make_world(cloud)


def refusal(world: World, operation: str, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        world.call(operation, **parameters)
    return code(caught), message(caught)


@pytest.mark.parametrize("edition", ["STANDARD", "ENTERPRISE", "ENTERPRISE_AND_Q"])
def test_the_edition_is_reported(world: World, edition: str) -> None:
    world.quick.subscription.edition = edition
    assert world.call("describe_account_subscription")["AccountInfo"]["Edition"] == edition
    assert world.call("describe_account_settings")["AccountSettings"]["Edition"] == edition


@pytest.mark.parametrize(
    ("operation", "parameters", "wanted"),
    [
        ("describe_account_subscription", {}, "ResourceNotFoundException"),
        ("describe_account_settings", {}, "ResourceNotFoundException"),
        ("describe_data_source", {"DataSourceId": "sales"}, "ResourceNotFoundException"),
        ("update_data_source_permissions", {"DataSourceId": "sales"}, "ResourceNotFoundException"),
        ("describe_group", AUTHORS, "ResourceNotFoundException"),
        ("list_data_sources", {}, "AccessDeniedException"),
        ("list_data_sets", {}, "AccessDeniedException"),
        ("list_folders", {}, "UnsupportedUserEditionException"),
        ("list_dashboards", {}, "UnsupportedUserEditionException"),
    ],
)
def test_an_account_without_quick_is_refused_with_an_error_of_the_model(
    world: World, operation: str, parameters: dict[str, Any], wanted: str
) -> None:
    world.quick.subscription.edition = None
    assert error(world, operation, **parameters) == wanted


def test_the_refusal_of_an_account_without_quick_names_it(world: World) -> None:
    world.quick.subscription.edition = None
    assert refusal(world, "list_dashboards")[1] == f"Account {HUB} is not subscribed for QuickSight"


def test_no_account_but_the_hub_has_quick(world: World) -> None:
    with world.cloud.administering(world.account), pytest.raises(ClientError) as caught:
        world.client.list_dashboards(AwsAccountId=world.account)
    assert code(caught) == "UnsupportedUserEditionException"


def test_the_hubs_quick_is_not_another_accounts(world: World) -> None:
    with world.cloud.administering(world.account), pytest.raises(ClientError) as caught:
        world.client.list_data_sources(AwsAccountId=HUB)
    assert code(caught) == "AccessDeniedException"


@pytest.mark.parametrize(
    ("operation", "parameters", "wanted"),
    [
        ("list_folders", {}, "UnsupportedUserEditionException"),
        ("list_analyses", {}, "UnsupportedUserEditionException"),
        ("list_dashboards", {}, "UnsupportedUserEditionException"),
        ("describe_group", AUTHORS, "AccessDeniedException"),
        ("describe_data_source_permissions", {"DataSourceId": "sales"}, "AccessDeniedException"),
        ("update_data_source_permissions", {"DataSourceId": "sales"}, "AccessDeniedException"),
    ],
)
def test_the_standard_edition_has_no_folders_groups_boards_and_permissions(
    world: World, operation: str, parameters: dict[str, Any], wanted: str
) -> None:
    world.create()
    world.quick.subscription.edition = "STANDARD"
    assert error(world, operation, **parameters) == wanted


@pytest.mark.parametrize(
    "given",
    [
        {},  # with a role
        {"DataSourceParameters": {"AthenaParameters": {}}, "Permissions": VIEWERS},
        {"DataSourceParameters": {"AthenaParameters": {}}, "FolderArns": [f"{SOURCE}-folder"]},
    ],
)
def test_the_standard_edition_has_data_sources_without_roles_permissions_and_folders(
    world: World, given: dict[str, Any]
) -> None:
    world.quick.subscription.edition = "STANDARD"
    with pytest.raises(ClientError) as caught:
        world.create(**given)
    world.create("plain", DataSourceParameters={"AthenaParameters": {}})
    assert code(caught) == "AccessDeniedException"
    assert [each["DataSourceId"] for each in world.call("list_data_sources")["DataSources"]] == ["plain"]


# --- the identity Region ---------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["describe_account_settings", "describe_account_subscription", "list_groups"])
def test_identities_are_asked_for_in_their_region_only(world: World, operation: str) -> None:
    parameters = {"Namespace": "default"} if operation == "list_groups" else {}
    with world.cloud.administering(HUB), pytest.raises(ClientError) as caught:
        getattr(world.cloud.client("quicksight", "us-east-1"), operation)(AwsAccountId=HUB, **parameters)
    assert code(caught) == "AccessDeniedException"
    assert message(caught) == (
        f"Operation is being called from endpoint us-east-1, but your identity region is {REGION}."
        f" Please use the {REGION} endpoint."
    )


def test_groups_move_with_the_identity_region_and_data_sources_do_not(world: World) -> None:
    world.quick.subscription.identity_region = "us-east-1"
    moved = GROUP.replace(REGION, "us-east-1")
    with world.cloud.administering(HUB):
        found = world.cloud.client("quicksight", "us-east-1").describe_group(AwsAccountId=HUB, **AUTHORS)["Group"]
    world.create(Permissions=[{**VIEWERS[0], "Principal": moved}])
    assert (found["Arn"], error(world, "describe_group", **AUTHORS)) == (moved, "AccessDeniedException")
    assert world.described()["Arn"] == SOURCE
    with pytest.raises(ClientError) as caught:
        world.create("other", Permissions=VIEWERS)  # no principal of this ARN any more
    assert code(caught) == "InvalidParameterValueException"


# --- groups ------------------------------------------------------------------------------------------------


def test_a_group_is_made_once_described_and_deleted(world: World) -> None:
    described = world.call("describe_group", **AUTHORS)["Group"]
    taken = error(world, "create_group", **AUTHORS)
    world.call("delete_group", **AUTHORS)
    gone = [error(world, operation, **AUTHORS) for operation in ("describe_group", "delete_group")]
    assert (described["Arn"], described["GroupName"]) == (GROUP, "authors")
    assert (taken, gone) == ("ResourceExistsException", ["ResourceNotFoundException"] * 2)


def test_groups_are_listed_in_pages(world: World) -> None:
    created = world.call("create_group", Namespace="default", GroupName="readers", Description="Those who read")
    first = world.call("list_groups", Namespace="default", MaxResults=1)
    rest = world.call("list_groups", Namespace="default", MaxResults=1, NextToken=first["NextToken"])
    assert created["Group"]["Description"] == "Those who read"
    assert [each["GroupName"] for each in first["GroupList"] + rest["GroupList"]] == ["authors", "readers"]
    assert "NextToken" not in rest


def test_there_is_no_other_namespace(world: World) -> None:
    assert error(world, "list_groups", Namespace="another") == "ResourceNotFoundException"


def test_moto_alone_still_overwrites_groups_and_knows_no_identity_region() -> None:
    with mock_aws():
        keys: Any = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        for region in (REGION, REGION, "us-east-1"):
            alone = boto3.client("quicksight", region, **keys)
            made = alone.create_group(AwsAccountId="123456789012", Namespace="default", GroupName="authors")
            assert f":{region}:" in made["Group"]["Arn"]

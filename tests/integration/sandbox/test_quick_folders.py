"""Quick's folders: what lies in them, and that names are unique in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sandbox.quick_setup import GROUP, REGION, SOURCE, World, error, make_world
from tests.integration.sandbox.roles import HUB, code

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

FOLDER = f"arn:aws:quicksight:{REGION}:{HUB}:folder/team"
SALES: Any = {"FolderId": "team", "MemberType": "DATASOURCE", "MemberId": "sales"}


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = make_world(cloud)
    world.call("create_folder", FolderId="team", Name="Team")
    return world


def members(world: World, folder: str = "team") -> list[str]:
    return [each["MemberArn"] for each in world.call("list_folder_members", FolderId=folder)["FolderMemberList"]]


def test_a_folder_is_shared_unless_it_is_restricted(world: World) -> None:
    world.call("create_folder", FolderId="locked", Name="Locked", FolderType="RESTRICTED")
    found = [world.call("describe_folder", FolderId=each)["Folder"] for each in ("team", "locked")]
    listed = world.call("list_folders")["FolderSummaryList"]
    assert [each["FolderType"] for each in found] == ["SHARED", "RESTRICTED"]
    assert [each["FolderId"] for each in listed] == ["team", "locked"]
    assert (found[0]["Arn"], found[0]["Name"], found[0]["SharingModel"]) == (FOLDER, "Team", "ACCOUNT")


def test_a_folder_in_a_folder_says_its_path(world: World) -> None:
    world.call("create_folder", FolderId="inner", ParentFolderArn=FOLDER)
    found = world.call("describe_folder", FolderId="inner")["Folder"]
    assert (found["FolderPath"], found["Name"]) == ([FOLDER], "inner")
    assert error(world, "delete_folder", FolderId="team") == "PreconditionNotMetException"


def test_a_data_source_is_put_into_a_folder_and_taken_out(world: World) -> None:
    world.create()
    put = world.call("create_folder_membership", **SALES)["FolderMember"]
    inside = members(world)
    world.call("delete_folder_membership", **SALES)
    assert (put, inside) == ({"MemberId": "sales", "MemberType": "DATASOURCE"}, [SOURCE])
    assert (members(world), error(world, "delete_folder_membership", **SALES)) == ([], "ResourceNotFoundException")


def test_a_data_source_can_be_made_in_a_folder(world: World) -> None:
    world.create(FolderArns=[FOLDER])
    assert (members(world), error(world, "create_folder_membership", **SALES)) == ([SOURCE], "ResourceExistsException")


def test_two_assets_of_one_name_are_not_in_one_folder(world: World) -> None:
    world.create(FolderArns=[FOLDER])
    with pytest.raises(ClientError) as caught:
        world.create("other", Name="sales", FolderArns=[FOLDER])
    world.create("other", Name="sales")
    assert code(caught) == "ResourceExistsException"
    assert error(world, "create_folder_membership", **{**SALES, "MemberId": "other"}) == "ResourceExistsException"


def test_only_an_empty_folder_is_deleted_and_a_deleted_asset_is_in_none(world: World) -> None:
    world.create(FolderArns=[FOLDER])
    full = error(world, "delete_folder", FolderId="team")
    world.call("delete_data_source", DataSourceId="sales")
    inside = members(world)
    world.call("delete_folder", FolderId="team")
    assert (full, inside) == ("PreconditionNotMetException", [])
    assert error(world, "describe_folder", FolderId="team") == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"FolderId": "another"}, "ResourceNotFoundException"),
        ({"MemberId": "another"}, "ResourceNotFoundException"),
        ({"MemberType": "TOPIC"}, "InvalidParameterValueException"),
    ],
)
def test_folder_and_member_must_exist(world: World, given: dict[str, str], wanted: str) -> None:
    world.create()
    assert error(world, "create_folder_membership", **{**SALES, **given}) == wanted


def test_a_folder_that_is_not_there_stops_the_creation(world: World) -> None:
    with pytest.raises(ClientError) as caught:
        world.create(FolderArns=[FOLDER + "-x"])
    assert code(caught) == "ResourceNotFoundException"
    assert world.call("list_data_sources")["DataSources"] == []


def test_a_folder_has_permissions_tags_and_an_id_of_its_own(world: World) -> None:
    owner = [{"Principal": GROUP, "Actions": ["quicksight:DescribeFolder"]}]
    tags: Any = [{"Key": "managed-by", "Value": "us"}]
    arn = world.call("create_folder", FolderId="ours", Name="Ours", Permissions=owner, Tags=tags)["Arn"]
    with world.cloud.administering(HUB):
        tags = world.client.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert world.call("describe_folder_permissions", FolderId="ours")["Permissions"] == owner
    assert (tags, error(world, "create_folder", FolderId="ours")) == (tags, "ResourceExistsException")

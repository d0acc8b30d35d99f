"""What Quick's operations need of a role, held against the Service Authorization Reference that cfn-lint ships."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.gateway import Call
from sandbox.aws.permissions import Permissions
from sandbox.aws.permissions.quicksight import NEEDS
from tests.integration.sandbox.quick_setup import REGION, SOURCE, World, make_world
from tests.integration.sandbox.roles import HUB, acting, allow, code, message

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

HERE = f"arn:aws:quicksight:{REGION}:{HUB}"
DATA_SET, FOLDER = f"{HERE}:dataset/orders", f"{HERE}:folder/team"
TABLES: Any = {"orders": {"RelationalTable": {"DataSourceArn": SOURCE, "Name": "orders"}}}
DEFINITION: Any = {"DataSetIdentifierDeclarations": [{"Identifier": "orders", "DataSetArn": DATA_SET}]}
TAGS: Any = [{"Key": "managed-by", "Value": "us"}]
REQUEST: dict[str, Any] = {
    "AwsAccountId": HUB,
    "AnalysisId": "revenue",
    "DashboardId": "revenue",
    "DataSetId": "orders",
    "DataSourceId": "sales",
    "FolderId": "team",
    "GroupName": "authors",
    "IngestionId": "again",
    "MemberId": "orders",
    "MemberType": "DATASET",
    "Namespace": "default",
    "PhysicalTableMap": TABLES,
    "ResourceArn": SOURCE,
    "UserName": "ann",
}
OPERATIONS = sorted(operation for _, operation in NEEDS)


def needs(cloud: Cloud, operation: str, **parameters: Any) -> list[tuple[str, str]]:
    """Actions and resources a call of the hub's needs."""
    call = Call("quicksight", operation, REGION, cloud.identities.administrator(HUB), {**REQUEST, **parameters})
    return [(need.action.removeprefix("quicksight:"), need.resource) for need in NEEDS["quicksight", operation](call)]


def reference() -> dict[str, Any]:
    text = (resources.files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["quicksight"]
    return found


@pytest.fixture(scope="module")
def types() -> dict[str, set[str]]:
    """By action, in small letters: the starts of the resources its resource types have."""
    read = reference()
    known = {name.lower(): entry for name, entry in read["Resources"].items()}
    starts = {name: entry["ARNFormats"][0].split(":", 5)[5].rstrip(".*") for name, entry in known.items()}
    return {
        action: {starts[kind.lower()] for kind in entry.get("Resources", ())}
        for action, entry in read["Actions"].items()
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_resources_are_those_of_the_service_authorization_reference(
    cloud: Cloud, types: dict[str, set[str]], operation: str
) -> None:
    own = [resource for action, resource in needs(cloud, operation) if action == operation]
    allowed = {f"{HERE}:{start}" for start in types[operation.lower()]}
    assert own
    assert [
        resource for resource in own if not (resource.startswith(tuple(allowed)) if allowed else resource == "*")
    ] == []


@pytest.mark.parametrize(
    ("operation", "parameters", "wanted"),
    [
        ("DescribeGroup", {}, [("DescribeGroup", f"{HERE}:group/default/authors")]),
        ("ListGroups", {}, [("ListGroups", f"{HERE}:group/default/*")]),
        ("DescribeAccountSubscription", {}, [("DescribeAccountSubscription", f"{HERE}:account/{HUB}")]),
        ("ListDataSets", {}, [("ListDataSets", "*")]),
        ("ListAnalyses", {}, [("ListAnalyses", f"{HERE}:analysis/*")]),
        ("CreateIngestion", {}, [("CreateIngestion", f"{DATA_SET}/ingestion/again")]),
        (
            "CreateDataSet",
            {"Tags": TAGS},
            [("CreateDataSet", SOURCE), ("PassDataSource", SOURCE), ("TagResource", DATA_SET)],
        ),
        (
            "UpdateDataSet",
            {},
            [("UpdateDataSet", DATA_SET), ("UpdateDataSet", SOURCE), ("PassDataSource", SOURCE)],
        ),
        (
            "CreateDashboard",
            {"Definition": DEFINITION},
            [("CreateDashboard", f"{HERE}:dashboard/revenue"), ("PassDataSet", DATA_SET)],
        ),
        ("CreateFolder", {"Tags": TAGS}, [("CreateFolder", FOLDER), ("TagResource", FOLDER)]),
        (
            "CreateFolderMembership",
            {},
            [("CreateFolderMembership", FOLDER), ("CreateFolderMembership", DATA_SET)],
        ),
        ("CreateFolderMembership", {"MemberType": "DATASOURCE"}, [("CreateFolderMembership", FOLDER)]),
    ],
)
def test_an_operation_of_quick_needs_these_actions_on_these_resources(
    cloud: Cloud, operation: str, parameters: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert needs(cloud, operation, **parameters) == wanted


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = make_world(cloud)
    Permissions(cloud, world.iam)
    return world


def test_a_role_puts_a_data_source_into_the_folders_it_may(world: World) -> None:
    world.create()
    for folder in ("team", "theirs"):
        world.call("create_folder", FolderId=folder, Name=folder)
    request: Any = {"AwsAccountId": HUB, "MemberType": "DATASOURCE", "MemberId": "sales"}
    with acting(world.cloud, world.iam, allow("quicksight:CreateFolderMembership", FOLDER)):
        client = world.cloud.client("quicksight")
        client.create_folder_membership(FolderId="team", **request)
        with pytest.raises(ClientError) as caught:
            client.create_folder_membership(FolderId="theirs", **request)
    assert code(caught) == "AccessDeniedException"
    assert f"perform: quicksight:CreateFolderMembership on resource: {HERE}:folder/theirs" in message(caught)


def test_permission_is_asked_before_the_subscription_is_looked_at(world: World) -> None:
    world.quick.subscription.edition = None
    with acting(world.cloud, world.iam, allow("quicksight:ListDashboards", f"{HERE}:dashboard/*")):
        client = world.cloud.client("quicksight")
        with pytest.raises(ClientError) as refused:
            client.list_analyses(AwsAccountId=HUB)
        with pytest.raises(ClientError) as allowed:
            client.list_dashboards(AwsAccountId=HUB)
    assert (code(refused), code(allowed)) == ("AccessDeniedException", "UnsupportedUserEditionException")

"""Analyses and dashboards: which data sets they use, and who owns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.integration.sandbox.quick_setup import GROUP, REGION, SOURCE, World, error, make_world
from tests.integration.sandbox.roles import HUB, code, wait

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

HERE = f"arn:aws:quicksight:{REGION}:{HUB}"
DATA_SET = f"{HERE}:dataset/orders"
COLUMNS: Any = [{"Name": "id", "Type": "INTEGER"}]
TABLE: Any = {"orders": {"RelationalTable": {"DataSourceArn": SOURCE, "Name": "orders", "InputColumns": COLUMNS}}}
DEFINITION: Any = {"DataSetIdentifierDeclarations": [{"Identifier": "orders", "DataSetArn": DATA_SET}]}
TEMPLATE: Any = {
    "SourceTemplate": {
        "Arn": f"{HERE}:template/t",
        "DataSetReferences": [{"DataSetPlaceholder": "orders", "DataSetArn": DATA_SET}],
    }
}
OWNER: Any = [{"Principal": GROUP, "Actions": ["quicksight:DescribeAnalysis", "quicksight:UpdateAnalysisPermissions"]}]
KINDS = ["analysis", "dashboard"]


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = make_world(cloud)
    world.create()
    world.call("create_data_set", DataSetId="orders", Name="orders", PhysicalTableMap=TABLE, ImportMode="DIRECT_QUERY")
    return world


def create(world: World, kind: str = "analysis", board_id: str = "revenue", **given: Any) -> Any:
    parameters = {
        "Name": board_id,
        "Permissions": OWNER,
        **({} if "SourceEntity" in given else {"Definition": DEFINITION}),
    }
    return world.call(f"create_{kind}", **{f"{kind.capitalize()}Id": board_id}, **{**parameters, **given})


def state(world: World, kind: str, board_id: str = "revenue") -> Any:
    """What says which data sets it uses, and how it does."""
    found = world.call(f"describe_{kind}", **{f"{kind.capitalize()}Id": board_id})[kind.capitalize()]
    return found["Version"] if kind == "dashboard" else found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", [{}, {"SourceEntity": TEMPLATE}], ids=["definition", "template"])
def test_it_says_which_data_sets_it_uses_and_who_owns_it(world: World, kind: str, given: dict[str, Any]) -> None:
    created = create(world, kind, **given)
    begun = state(world, kind)["Status"]
    wait(world.cloud, 6)
    found = state(world, kind)
    shared = world.call(f"describe_{kind}_permissions", **{f"{kind.capitalize()}Id": "revenue"})
    assert (created["CreationStatus"], begun) == ("CREATION_IN_PROGRESS", "CREATION_IN_PROGRESS")
    assert (found["DataSetArns"], found["Status"]) == ([DATA_SET], "CREATION_SUCCESSFUL")
    assert (shared[f"{kind.capitalize()}Arn"], len(shared["Permissions"])) == (f"{HERE}:{kind}/revenue", 1)
    assert (shared["Permissions"][0]["Principal"], created["Arn"]) == (GROUP, f"{HERE}:{kind}/revenue")


@pytest.mark.parametrize("kind", KINDS)
def test_a_data_set_that_is_not_there_fails_the_creation(world: World, kind: str) -> None:
    lost = {"DataSetIdentifierDeclarations": [{"Identifier": "lost", "DataSetArn": DATA_SET + "-x"}]}
    create(world, kind, Definition=lost)
    wait(world.cloud, 6)
    found = state(world, kind)
    assert (found["Status"], found["Errors"][0]["Type"]) == ("CREATION_FAILED", "DATA_SET_NOT_FOUND")


def test_lists_have_pages_and_name_no_data_sets(world: World) -> None:
    for board_id in ("revenue", "margin"):
        create(world, "analysis", board_id)
        create(world, "dashboard", board_id)
    first = world.call("list_analyses", MaxResults=1)
    rest = world.call("list_analyses", MaxResults=1, NextToken=first["NextToken"])
    analyses = first["AnalysisSummaryList"] + rest["AnalysisSummaryList"]
    dashboards = world.call("list_dashboards")["DashboardSummaryList"]
    assert [each["AnalysisId"] for each in analyses] == ["revenue", "margin"]
    assert [(each["DashboardId"], each["PublishedVersionNumber"]) for each in dashboards] == [
        ("revenue", 1),
        ("margin", 1),
    ]
    assert DATA_SET not in str(analyses + dashboards)


def test_a_definition_is_given_back(world: World) -> None:
    create(world)
    create(world, board_id="copied", SourceEntity=TEMPLATE)
    found = world.call("describe_analysis_definition", AnalysisId="revenue")
    assert (found["Definition"], found["ResourceStatus"]) == (DEFINITION, "CREATION_IN_PROGRESS")
    assert error(world, "describe_analysis_definition", AnalysisId="copied") == "InvalidParameterValueException"


def test_a_deleted_analysis_is_visible_until_its_recovery_window_ends(world: World) -> None:
    create(world)
    wait(world.cloud, 6)
    world.call("delete_analysis", AnalysisId="revenue", RecoveryWindowInDays=7)
    visible = state(world, "analysis")["Status"]
    again = error(world, "delete_analysis", AnalysisId="revenue")
    wait(world.cloud, 7 * 86_400)
    assert (visible, again) == ("DELETED", "ConflictException")
    assert world.call("list_analyses")["AnalysisSummaryList"] == []
    assert error(world, "describe_analysis", AnalysisId="revenue") == "ResourceNotFoundException"


def test_an_analysis_deleted_without_recovery_and_a_dashboard_are_gone_at_once(world: World) -> None:
    for kind in KINDS:
        create(world, kind)
    world.call("delete_analysis", AnalysisId="revenue", ForceDeleteWithoutRecovery=True)
    world.call("delete_dashboard", DashboardId="revenue")
    gone = [error(world, f"describe_{kind}", **{f"{kind.capitalize()}Id": "revenue"}) for kind in KINDS]
    assert gone == ["ResourceNotFoundException"] * 2


def test_it_is_made_of_a_definition_or_of_a_template(world: World) -> None:
    with pytest.raises(ClientError) as caught:
        create(world, Definition=DEFINITION, SourceEntity=TEMPLATE)
    assert code(caught) == "InvalidParameterValueException"


def test_all_kinds_of_assets_lie_in_one_folder_and_have_tags(world: World) -> None:
    folder = world.call("create_folder", FolderId="team", Name="Team")["Arn"]
    create(world, FolderArns=[folder], Tags=[{"Key": "team", "Value": "sales"}])
    create(world, "dashboard", "margin")
    for kind, member in (("DASHBOARD", "margin"), ("DATASET", "orders"), ("DATASOURCE", "sales")):
        world.call("create_folder_membership", FolderId="team", MemberType=kind, MemberId=member)
    listed = world.call("list_folder_members", FolderId="team")["FolderMemberList"]
    with world.cloud.administering(HUB):
        tags = world.client.list_tags_for_resource(ResourceArn=f"{HERE}:analysis/revenue")["Tags"]
    assert [each["MemberArn"].rsplit(":", 1)[1] for each in listed] == [
        "analysis/revenue",
        "dashboard/margin",
        "dataset/orders",
        "datasource/sales",
    ]
    assert tags == [{"Key": "team", "Value": "sales"}]


def test_moto_alone_still_knows_no_analyses() -> None:
    with mock_aws():
        alone = boto3.client("quicksight", REGION, aws_access_key_id="a", aws_secret_access_key="b")
        with pytest.raises(NotImplementedError):
            alone.list_analyses(AwsAccountId="123456789012")

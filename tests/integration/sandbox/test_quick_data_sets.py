"""Data sets: what reads a data source, and what SPICE keeps of it."""

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
    World,
    consumer_statements,
    error,
    make_world,
    revoke,
)
from tests.integration.sandbox.roles import HUB, code, wait

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

ARN = f"arn:aws:quicksight:{REGION}:{HUB}:dataset/orders"
INPUT: Any = [{"Name": "id", "Type": "INTEGER"}, {"Name": "amount", "Type": "BOOLEAN"}]
TABLE: Any = {
    "orders": {"RelationalTable": {"DataSourceArn": SOURCE, "Schema": "lake", "Name": "orders", "InputColumns": INPUT}}
}


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = make_world(cloud)
    world.outcome()
    return world


def create(world: World, mode: str = "SPICE", **given: Any) -> Any:
    """Create the data set, by default on the table of the lake."""
    parameters: Any = {"DataSetId": "orders", "Name": "orders", "PhysicalTableMap": TABLE, "ImportMode": mode, **given}
    return world.call("create_data_set", **parameters)


def sql(query: str) -> Any:
    """A physical table of custom SQL."""
    return {"query": {"CustomSql": {"DataSourceArn": SOURCE, "Name": "query", "SqlQuery": query, "Columns": INPUT}}}


def ingested(world: World, ingestion: str = "") -> Any:
    """An ingestion as described when it has ended; without an id a new one."""
    if not ingestion:
        world.call("create_ingestion", DataSetId="orders", IngestionId="again")
    wait(world.cloud, 6)
    return world.call("describe_ingestion", DataSetId="orders", IngestionId=ingestion or "again")["Ingestion"]


# --- the API -----------------------------------------------------------------------------------------------


def test_a_data_set_is_described_with_its_data_source_and_listed_without(world: World) -> None:
    create(world)
    found = world.call("describe_data_set", DataSetId="orders")["DataSet"]
    (summary,) = world.call("list_data_sets")["DataSetSummaries"]
    assert (found["Arn"], found["PhysicalTableMap"], found["ImportMode"]) == (ARN, TABLE, "SPICE")
    assert found["OutputColumns"] == [{"Name": "id", "Type": "INTEGER"}, {"Name": "amount", "Type": "INTEGER"}]
    assert (summary["DataSetId"], "PhysicalTableMap" in summary, SOURCE in str(summary)) == ("orders", False, False)


def test_data_sets_have_pages_and_are_found_by_name_and_owner(world: World) -> None:
    owner = [{"Principal": GROUP, "Actions": ["quicksight:DescribeDataSet", "quicksight:UpdateDataSetPermissions"]}]
    create(world, Permissions=owner)
    create(world, DataSetId="refunds", Name="refunds")
    first = world.call("list_data_sets", MaxResults=1)
    rest = world.call("list_data_sets", MaxResults=1, NextToken=first["NextToken"])
    assert [each["DataSetId"] for each in first["DataSetSummaries"] + rest["DataSetSummaries"]] == ["orders", "refunds"]
    filters: list[Any] = [
        {"Operator": "StringLike", "Name": "DATASET_NAME", "Value": "ref"},
        {"Operator": "StringEquals", "Name": "QUICKSIGHT_OWNER", "Value": GROUP},
        {"Operator": "StringEquals", "Name": "DIRECT_QUICKSIGHT_SOLE_OWNER", "Value": GROUP},
    ]
    found = [world.call("search_data_sets", Filters=[each])["DataSetSummaries"] for each in filters]
    assert [[each["DataSetId"] for each in page] for page in found] == [["refunds"], ["orders"], ["orders"]]


def test_a_data_sets_permissions_are_granted_and_revoked(world: World) -> None:
    viewer = [{"Principal": GROUP, "Actions": ["quicksight:DescribeDataSet"]}]
    create(world)
    world.call("update_data_set_permissions", DataSetId="orders", GrantPermissions=viewer)
    granted = world.call("describe_data_set_permissions", DataSetId="orders")
    world.call("update_data_set_permissions", DataSetId="orders", RevokePermissions=viewer)
    assert (granted["DataSetArn"], granted["Permissions"]) == (ARN, viewer)
    assert world.call("describe_data_set_permissions", DataSetId="orders")["Permissions"] == []


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"PhysicalTableMap": {}}, "InvalidParameterValueException"),
        ({"PhysicalTableMap": sql("DROP TABLE lake.orders")}, "InvalidParameterValueException"),
        (
            {"PhysicalTableMap": {"file": {"S3Source": {"DataSourceArn": SOURCE, "InputColumns": INPUT}}}},
            "InvalidParameterValueException",
        ),
        (
            {"LogicalTableMap": {"child": {"Alias": "child", "Source": {"DataSetArn": ARN}}}},
            "InvalidParameterValueException",
        ),
        (
            {
                "PhysicalTableMap": {
                    "orders": {
                        "RelationalTable": {**TABLE["orders"]["RelationalTable"], "DataSourceArn": SOURCE + "-x"}
                    }
                }
            },
            "ResourceNotFoundException",
        ),
    ],
)
def test_what_a_data_set_cannot_be_made_of_is_refused(world: World, given: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ClientError) as caught:
        create(world, **given)
    assert code(caught) == wanted


def test_a_deleted_data_set_is_gone(world: World) -> None:
    create(world)
    world.call("delete_data_set", DataSetId="orders")
    assert error(world, "describe_data_set", DataSetId="orders") == "ResourceNotFoundException"


def test_moto_alone_still_describes_no_data_set() -> None:
    with mock_aws():
        alone = boto3.client("quicksight", REGION, aws_access_key_id="a", aws_secret_access_key="b")
        request: Any = {"AwsAccountId": "123456789012", "DataSetId": "x"}
        alone.create_data_set(**request, Name="x", PhysicalTableMap=TABLE, ImportMode="SPICE")
        with pytest.raises(NotImplementedError):
            alone.describe_data_set(**request)


# --- reading ---------------------------------------------------------------------------------------------


def test_a_direct_query_asks_the_source_each_time(world: World) -> None:
    create(world, "DIRECT_QUERY")
    before = world.quick.read_dataset("orders")
    revoke(world)
    after = world.quick.read_dataset("orders")
    assert (before.allowed, before.columns, before.account) == (True, ("id", "amount", "day"), world.account)
    assert (after.allowed, after.error_type) == (False, "ACCESS_DENIED")


def test_what_spice_has_imported_stays_readable_until_its_data_set_goes(world: World) -> None:
    created = create(world)
    at_first = world.quick.read_dataset("orders")
    assert ingested(world, created["IngestionId"])["IngestionStatus"] == "COMPLETED"
    since = world.cloud.clock.now()
    revoke(world)
    failed = ingested(world)
    kept = world.quick.read_dataset("orders")
    world.call("delete_data_set", DataSetId="orders")
    assert (at_first.allowed, at_first.error_type) == (False, "SPICE_TABLE_NOT_FOUND")
    assert (failed["IngestionStatus"], kept.allowed, kept.imported) == ("FAILED", True, since)
    with pytest.raises(Exception, match="orders is not found"):
        world.quick.read_dataset("orders")


def test_custom_sql_reads_every_table_it_names(world: World) -> None:
    joined = 'SELECT * FROM "lake"."orders" o JOIN "AwsDataCatalog"."lake"."refunds" r ON o.id = r.id'
    create(world, "DIRECT_QUERY", PhysicalTableMap=sql(joined))
    before = world.quick.read_dataset("orders")
    world.quick.seed_lake(world.account, "lake", "refunds", "quick-data")
    assert "lake.refunds' does not exist" in before.message
    assert world.quick.read_dataset("orders").columns == ("id", "amount", "day") * 2


def test_a_table_without_a_database_is_in_the_default_one(world: World) -> None:
    create(world, "DIRECT_QUERY", PhysicalTableMap=sql("select * from orders"))
    world.change_consumer(**consumer_statements(world.account), all={"Effect": "Allow", "Action": "*", "Resource": "*"})
    assert "Table 'awsdatacatalog.default.orders' does not exist" in world.quick.read_dataset("orders").message


@pytest.mark.parametrize("mode", ["SPICE", "DIRECT_QUERY"])
def test_a_data_set_on_a_deleted_data_source_is_broken_for_good(world: World, mode: str) -> None:
    create(world, mode)
    wait(world.cloud, 6)
    readable = world.quick.read_dataset("orders")
    world.call("delete_data_source", DataSourceId="sales")
    broken = world.quick.read_dataset("orders")
    world.outcome()  # a data source of the same id
    again = world.quick.read_dataset("orders")
    assert (readable.allowed, world.quick.query("sales", "lake", "orders").allowed) == (True, True)
    assert (broken.error_type, again.error_type) == ("DATA_SOURCE_NOT_FOUND", "DATA_SOURCE_NOT_FOUND")


# --- ingestions --------------------------------------------------------------------------------------------


def test_a_spice_data_set_begins_with_an_ingestion_that_takes_time(world: World) -> None:
    created = create(world)
    begun = ingested_now(world, created["IngestionId"])
    wait(world.cloud, 5)
    during = ingested_now(world, created["IngestionId"])
    wait(world.cloud, 1)
    done = ingested_now(world, created["IngestionId"])
    assert created["IngestionArn"] == f"{ARN}/ingestion/{created['IngestionId']}" == done["Arn"]
    states = [each["IngestionStatus"] for each in (begun, during, done)]
    assert states == ["INITIALIZED", "RUNNING", "COMPLETED"]
    assert (done["RequestType"], done["IngestionTimeInSeconds"]) == ("INITIAL_INGESTION", 6)


def ingested_now(world: World, ingestion: str) -> Any:
    return world.call("describe_ingestion", DataSetId="orders", IngestionId=ingestion)["Ingestion"]


def test_an_ingestion_ends_by_what_the_chain_allows_then(world: World) -> None:
    create(world)
    wait(world.cloud, 6)
    world.call("create_ingestion", DataSetId="orders", IngestionId="again")
    revoke(world)
    ended = ingested(world, "again")
    assert (ended["IngestionStatus"], ended["ErrorInfo"]["Type"]) == ("FAILED", "FAILURE_TO_ASSUME_ROLE")
    assert "is not authorized to perform: sts:AssumeRole" in ended["ErrorInfo"]["Message"]


def test_an_ingestion_without_a_permission_of_the_consumer_role_is_denied(world: World) -> None:
    create(world)
    statements = consumer_statements(world.account)
    del statements["s3:GetObject"]
    world.change_consumer(**statements)
    ended = ingested(world)
    assert (ended["ErrorInfo"]["Type"], "s3:GetObject" in ended["ErrorInfo"]["Message"]) == ("PERMISSION_DENIED", True)


@pytest.mark.parametrize(
    ("removed", "wanted"),
    [("table", "SQL_TABLE_NOT_FOUND"), ("results", "SQL_EXCEPTION"), ("source", "DATA_SOURCE_NOT_FOUND")],
)
def test_an_ingestion_names_what_is_missing(world: World, removed: str, wanted: str) -> None:
    create(world)
    with world.cloud.administering(world.account):
        if removed == "table":
            world.cloud.client("glue").delete_table(DatabaseName="lake", Name="orders")
        if removed == "results":
            world.cloud.client("s3").delete_bucket(Bucket="quick-results")
    if removed == "source":
        world.call("delete_data_source", DataSourceId="sales")
    assert ingested(world)["ErrorInfo"]["Type"] == wanted


def test_a_source_without_a_role_has_none_to_ingest_with(world: World) -> None:
    parameters: Any = {"AthenaParameters": {"WorkGroup": "quick"}}
    world.call("update_data_source", DataSourceId="sales", Name="sales", DataSourceParameters=parameters)
    create(world)
    assert ingested(world)["ErrorInfo"]["Type"] == "IAM_ROLE_NOT_AVAILABLE"


def test_sql_without_a_table_asks_for_the_workgroup_and_its_results_only(world: World) -> None:
    statements = consumer_statements(world.account)
    needed = ("athena:GetWorkGroup", "glue:GetDatabase", "default database", "s3:GetBucketLocation", "s3:PutObject")
    world.change_consumer(**{name: statements[name] for name in needed})
    created = create(world, PhysicalTableMap=sql("SELECT 1 AS id"))
    ended = ingested(world, created["IngestionId"])
    assert (ended["IngestionStatus"], ended["RowInfo"]["RowsIngested"]) == ("COMPLETED", 1)
    assert world.quick.read_dataset("orders").account == world.account


@pytest.mark.parametrize("missing", ["athena:GetWorkGroup", "default database", "s3:PutObject"])
def test_sql_without_a_table_is_denied_without_one_of_them(world: World, missing: str) -> None:
    statements = consumer_statements(world.account)
    del statements[missing]
    created = create(world, PhysicalTableMap=sql("SELECT 1 AS id"))
    world.change_consumer(**statements)
    assert ingested(world, created["IngestionId"])["ErrorInfo"]["Type"] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("objects", "query", "rows"), [(2, "SELECT id FROM lake.orders", 3), (2, "SELECT 1 FROM lake.orders LIMIT 1", 1)]
)
def test_an_ingestion_says_how_many_rows_it_took(world: World, objects: int, query: str, rows: int) -> None:
    with world.cloud.administering(world.account):
        for number in range(objects):
            world.cloud.client("s3").put_object(Bucket="quick-data", Key=f"lake/orders/more-{number}", Body=b"1\n")
    created = create(world, PhysicalTableMap=sql(query))
    assert ingested(world, created["IngestionId"])["RowInfo"]["RowsIngested"] == rows


def test_of_an_empty_table_no_object_is_opened(world: World) -> None:
    statements = consumer_statements(world.account)
    del statements["s3:GetObject"]
    with world.cloud.administering(world.account):
        world.cloud.client("s3").delete_object(Bucket="quick-data", Key="lake/orders/part-00000.csv")
    world.change_consumer(**statements)
    created = create(world)
    assert ingested(world, created["IngestionId"])["RowInfo"]["RowsIngested"] == 0


def test_without_capacity_nothing_is_imported(world: World) -> None:
    world.quick.spice_is_full = True
    created = create(world)
    full = ingested(world, created["IngestionId"])
    world.quick.spice_is_full = False
    assert (full["IngestionStatus"], full["ErrorInfo"]["Type"]) == ("FAILED", "ACCOUNT_CAPACITY_LIMIT_EXCEEDED")
    assert "RowInfo" not in full
    assert (world.quick.spice_is_full, ingested(world)["IngestionStatus"]) == (False, "COMPLETED")


def test_ingestions_of_a_data_set_made_anew_have_ids_of_their_own(world: World) -> None:
    first = create(world)["IngestionId"]
    wait(world.cloud, 1)
    world.call("delete_data_set", DataSetId="orders")
    assert create(world)["IngestionId"] != first


def test_a_cancelled_ingestion_imports_nothing(world: World) -> None:
    created = create(world)
    world.call("cancel_ingestion", DataSetId="orders", IngestionId=created["IngestionId"])
    ended = ingested(world, created["IngestionId"])
    assert (ended["IngestionStatus"], world.quick.read_dataset("orders").allowed) == ("CANCELLED", False)
    request: Any = {"DataSetId": "orders", "IngestionId": created["IngestionId"]}
    assert error(world, "cancel_ingestion", **request) == "InvalidParameterValueException"


def test_ingestions_are_listed_the_newest_first_and_have_ids_of_their_own(world: World) -> None:
    created = create(world)
    ingested(world)
    listed = world.call("list_ingestions", DataSetId="orders")["Ingestions"]
    request: Any = {"DataSetId": "orders", "IngestionId": "again"}
    assert [each["IngestionId"] for each in listed] == ["again", created["IngestionId"]]
    assert error(world, "create_ingestion", **request) == "ResourceExistsException"
    assert error(world, "describe_ingestion", DataSetId="orders", IngestionId="x") == "ResourceNotFoundException"


def test_only_spice_is_ingested_and_only_in_full(world: World) -> None:
    create(world, "DIRECT_QUERY")
    request: Any = {"DataSetId": "orders", "IngestionId": "again"}
    direct = error(world, "create_ingestion", **request)
    world.call("update_data_set", DataSetId="orders", Name="orders", PhysicalTableMap=TABLE, ImportMode="SPICE")
    in_steps = error(world, "create_ingestion", **request, IngestionType="INCREMENTAL_REFRESH")
    assert [direct, in_steps] == ["InvalidParameterValueException"] * 2


@pytest.mark.parametrize(("edition", "allowed"), [("ENTERPRISE", 32), ("STANDARD", 8)])
def test_so_many_manual_refreshes_fit_in_24_hours(world: World, edition: str, allowed: int) -> None:
    create(world)
    world.quick.subscription.edition = edition
    for number in range(allowed):
        world.call("create_ingestion", DataSetId="orders", IngestionId=f"refresh-{number}")
    too_many = error(world, "create_ingestion", DataSetId="orders", IngestionId="one-more")
    wait(world.cloud, 24 * 3_600)
    assert too_many == "LimitExceededException"
    assert ingested(world)["IngestionStatus"] == "COMPLETED"


def test_an_update_imports_anew_and_leaving_spice_drops_the_import(world: World) -> None:
    create(world)
    wait(world.cloud, 6)
    request: Any = {"DataSetId": "orders", "Name": "new", "PhysicalTableMap": TABLE}
    updated = world.call("update_data_set", **request, ImportMode="SPICE")
    kept = world.quick.read_dataset("orders")
    edit = ingested(world, updated["IngestionId"])
    direct = world.call("update_data_set", **request, ImportMode="DIRECT_QUERY")
    assert (kept.allowed, edit["RequestType"], "IngestionId" in direct) == (True, "EDIT", False)
    assert world.quick.read_dataset("orders").imported is None
    assert world.call("describe_data_set", DataSetId="orders")["DataSet"]["Name"] == "new"


# --- sessions ------------------------------------------------------------------------------------------------


def test_a_session_quick_already_holds_ends_within_the_hour(world: World) -> None:
    world.quick.session_seconds = 3_600
    create(world, "DIRECT_QUERY")
    assert world.quick.read_dataset("orders").allowed
    revoke(world)
    at_once = world.quick.read_dataset("orders")
    wait(world.cloud, 3_590)
    late = world.quick.query("sales", "lake", "orders")
    wait(world.cloud, 10)
    assert (at_once.allowed, late.allowed, world.quick.query("sales", "lake", "orders").allowed) == (True, True, False)


def test_a_cached_session_does_only_what_its_role_may_now(world: World) -> None:
    world.quick.session_seconds = 3_600
    assert world.quick.query("sales", "lake", "orders").allowed
    world.change_consumer(nothing={"Effect": "Deny", "Action": "*", "Resource": "*"})
    assert not world.quick.query("sales", "lake", "orders").allowed


def test_a_changed_data_source_gets_another_session(world: World) -> None:
    world.quick.session_seconds = 3_600
    assert world.quick.query("sales", "lake", "orders").allowed
    revoke(world)
    athena = world.described()["DataSourceParameters"]["AthenaParameters"]
    parameters: Any = {"AthenaParameters": athena}
    world.call("update_data_source", DataSourceId="sales", Name="sales", DataSourceParameters=parameters)
    wait(world.cloud, 6)
    assert (world.described()["Status"], world.quick.query("sales", "lake", "orders").allowed) == (
        "UPDATE_FAILED",
        False,
    )

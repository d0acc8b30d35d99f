"""Grants in Lake Formation: who may make them through CloudFormation, and what a query reads with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aws.services.cloudformation import CloudFormation
from sandbox.aws.services.cloudformation.scope import STACK_SETS_ROLE, Scope
from tests.integration.sandbox.quick_setup import REGION, SOURCE, consumer_statements, make_world
from tests.integration.sandbox.roles import allow, role_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.cloud import Cloud

DATABASE = {"Database": {"CatalogId": "${account}", "Name": "lake"}}
ALL_TABLES = {"Table": {"CatalogId": "${account}", "DatabaseName": "lake", "TableWildcard": {}}}
ORDERS = {"Table": {"CatalogId": "${account}", "DatabaseName": "lake", "Name": "orders"}}
COLUMNS = {
    "TableWithColumns": {
        "CatalogId": "${account}",
        "DatabaseName": "lake",
        "Name": "orders",
        "ColumnNames": ["id", "day"],
    }
}
REFUSED = "Resource does not exist or requester is not authorized to access requested permissions."


class Lake:
    """A consumer account whose tables are read by grants only, and the stack that makes them."""

    def __init__(self, cloud: Cloud) -> None:
        self.world = make_world(cloud)
        self.cloudformation = CloudFormation(cloud)
        self.scope = Scope(cloud, self.world.account, REGION)
        self.world.outcome()
        data_access = allow("lakeformation:GetDataAccess")
        self.world.change_consumer(**consumer_statements(self.world.account), lake_formation=data_access)
        self.call("register_resource", ResourceArn="arn:aws:s3:::quick-data", RoleArn=role_arn("x", self.world.account))
        self.decide(role_arn(STACK_SETS_ROLE, self.world.account))

    def call(self, operation: str, **given: Any) -> Any:
        """Call Lake Formation as an administrator of the account."""
        with self.world.cloud.administering(self.world.account):
            return getattr(self.world.cloud.client("lakeformation"), operation)(**given)

    def decide(self, *administrators: str) -> None:
        """From now on only grants count, and these may make them."""
        admins = [{"DataLakePrincipalIdentifier": each} for each in administrators]
        settings = {"DataLakeAdmins": admins, "CreateTableDefaultPermissions": []}
        self.call("put_data_lake_settings", DataLakeSettings=settings)

    def granted(self, *resources: Mapping[str, Any]) -> str:
        """The account's stack has these grants and no others; its status."""
        template = _template(self.world.account, resources)
        if getattr(self, "stack", None) is None:
            self.stack = self.cloudformation.create(self.scope, "grants", template, {}, {})
        else:
            self.cloudformation.change(self.stack, template, {}, {})
        return str(self.stack.status)

    def query(self) -> tuple[str, ...] | str:
        """What a query may see of the table; or why it is refused."""
        answer = self.world.quick.query("sales", "lake", "orders")
        return answer.columns if answer.allowed else answer.message


def _template(account: str, resources: tuple[Mapping[str, Any], ...]) -> str:
    made = {
        f"Grant{number}": {
            "Type": "AWS::LakeFormation::PrincipalPermissions",
            "Properties": {
                "Principal": {"DataLakePrincipalIdentifier": role_arn("role-b", account)},
                "Resource": resource,
                "Permissions": ["DESCRIBE" if "Database" in resource else "SELECT"],
                "PermissionsWithGrantOption": [],
            },
        }
        for number, resource in enumerate(resources)
    }
    bucket = {"Bucket": {"Type": "AWS::S3::Bucket"}}  # a stack needs a resource
    return json.dumps({"Resources": {**bucket, **made}}).replace("${account}", account)


@pytest.fixture
def lake(cloud: Cloud) -> Lake:
    return Lake(cloud)


def test_where_grants_decide_a_query_needs_the_database_and_the_table(lake: Lake) -> None:
    nothing = lake.query()
    lake.granted(DATABASE)
    database = lake.query()
    lake.granted(DATABASE, ORDERS)
    assert nothing == "Insufficient Lake Formation permission(s): Required Describe on lake"
    assert database == "Insufficient Lake Formation permission(s): Required Select on orders"
    assert lake.query() == ("id", "amount", "day")


def test_where_iam_decides_nothing_has_to_be_granted(lake: Lake) -> None:
    everybody = {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
    settings = {"DataLakeAdmins": [], "CreateTableDefaultPermissions": [everybody]}
    lake.call("put_data_lake_settings", DataLakeSettings=settings)
    assert lake.query() == ("id", "amount", "day")


def test_a_grant_without_the_permission_to_ask_for_data_reads_nothing(lake: Lake) -> None:
    lake.granted(DATABASE, ALL_TABLES)
    assert lake.query() == ("id", "amount", "day")
    lake.world.change_consumer(**consumer_statements(lake.world.account))
    assert "is not authorized to perform: lakeformation:GetDataAccess on resource: *" in lake.query()


def test_of_a_table_only_the_granted_columns_are_read(lake: Lake) -> None:
    lake.granted(DATABASE, COLUMNS)
    for name in ("day", "amount"):
        columns = [{"Name": name, "Type": "STRING"}]
        table = {"DataSourceArn": SOURCE, "Schema": "lake", "Name": "orders", "InputColumns": columns}
        physical = {"one": {"RelationalTable": table}}
        lake.world.call(
            "create_data_set", DataSetId=name, Name=name, PhysicalTableMap=physical, ImportMode="DIRECT_QUERY"
        )
    assert lake.query() == ("id", "day")
    assert lake.world.quick.read_dataset("day").allowed
    assert "COLUMN_NOT_FOUND: line 1:8: Column 'amount' cannot be" in lake.world.quick.read_dataset("amount").message


def test_the_database_default_must_be_shown_where_there_is_one(lake: Lake) -> None:
    lake.granted(DATABASE, ORDERS)
    with lake.world.cloud.administering(lake.world.account):
        lake.world.cloud.client("glue").create_database(DatabaseInput={"Name": "default"})
    assert lake.query() == "Insufficient Lake Formation permission(s): Required Describe on default"


@pytest.mark.parametrize(
    "missing",
    [
        {"Database": {"CatalogId": "${account}", "Name": "gone"}},
        {"Table": {"CatalogId": "${account}", "DatabaseName": "gone", "TableWildcard": {}}},
        {"Table": {"CatalogId": "${account}", "DatabaseName": "lake", "Name": "gone"}},
        {"TableWithColumns": {**COLUMNS["TableWithColumns"], "ColumnNames": ["id", "gone"]}},
    ],
)
def test_what_the_catalog_does_not_have_is_not_granted(lake: Lake, missing: Mapping[str, Any]) -> None:
    assert lake.granted(DATABASE, missing) == "ROLLBACK_COMPLETE"
    assert REFUSED in str(lake.stack.stack_status_reason)


def test_only_an_administrator_of_the_data_lake_grants_and_revokes(lake: Lake) -> None:
    lake.decide(role_arn("another", lake.world.account))
    assert lake.granted(DATABASE) == "ROLLBACK_COMPLETE"
    assert REFUSED in str(lake.stack.stack_status_reason)


def test_who_is_no_administrator_any_more_cannot_take_the_stack_away(lake: Lake) -> None:
    lake.granted(DATABASE, ORDERS)
    lake.decide()
    lake.cloudformation.remove(lake.stack)
    assert (lake.stack.status, lake.query()) == ("DELETE_FAILED", ("id", "amount", "day"))
    lake.decide(role_arn(STACK_SETS_ROLE, lake.world.account))
    lake.cloudformation.remove(lake.stack)
    assert (lake.stack.status, "Required Describe on lake" in lake.query()) == ("DELETE_COMPLETE", True)


def test_a_grant_that_moves_to_another_resource_is_revoked_after_it_was_made(lake: Lake) -> None:
    lake.granted(DATABASE, ALL_TABLES)
    lake.granted(ALL_TABLES, DATABASE)
    assert "Required Describe on lake" in lake.query()


def test_fewer_columns_in_place_are_no_columns_afterwards(lake: Lake) -> None:
    fewer = {"TableWithColumns": {**COLUMNS["TableWithColumns"], "ColumnNames": ["id"]}}
    lake.granted(DATABASE, COLUMNS)
    lake.granted(DATABASE, fewer)
    assert lake.query() == "Insufficient Lake Formation permission(s): Required Select on orders"

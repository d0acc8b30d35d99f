"""A query through an Athena catalog that stands for another account's Glue catalog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sandbox.quick_setup import REGION, SOURCE, World, consumer_statements, make_world
from tests.integration.sandbox.roles import allow, role_arn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.cloud import Cloud

OTHER = "777788889999"
CATALOG = "theirs"
READS = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
THEIRS = ("catalog", "database/default", "database/sales", "table/sales/*")


def owners_statements(account: str) -> Iterator[tuple[str, Any]]:
    """What the other account allows this one's consumer role, by the service whose policy has it."""
    reader = {"Principal": {"AWS": role_arn("role-b", account)}}
    yield "glue", allow(READS, [f"arn:aws:glue:{REGION}:{OTHER}:{each}" for each in THEIRS]) | reader
    yield (
        "s3",
        allow(["s3:ListBucket", "s3:GetObject"], ["arn:aws:s3:::their-data", "arn:aws:s3:::their-data/*"]) | reader,
    )


@pytest.fixture
def world(cloud: Cloud) -> World:
    """The reader's Athena has the catalog, and its consumer role may read what is in it."""
    world = make_world(cloud)
    world.outcome()
    world.quick.seed_lake(OTHER, "sales", "orders", "their-data")
    with cloud.administering(world.account):
        parameters = {"catalog-id": OTHER}
        cloud.client("athena").create_data_catalog(Name=CATALOG, Type="GLUE", Parameters=parameters)
    athena = f"arn:aws:athena:{REGION}:{world.account}:datacatalog/{CATALOG}"
    own = {
        "catalog": allow(["athena:GetDataCatalog", "athena:GetTableMetadata"], athena),
        "their tables": allow(READS, [f"arn:aws:glue:{REGION}:{OTHER}:{each}" for each in THEIRS]),
        "their data": allow(
            ["s3:ListBucket", "s3:GetObject"], ["arn:aws:s3:::their-data", "arn:aws:s3:::their-data/*"]
        ),
    }
    world.change_consumer(**consumer_statements(world.account), **own)
    return world


def give(world: World, *services: str) -> None:
    """The other account allows it, in the policies of these services."""
    with world.cloud.administering(OTHER):
        for service, statement in owners_statements(world.account):
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            if service not in services:
                continue
            if service == "glue":
                world.cloud.client("glue").put_resource_policy(PolicyInJson=document)
            else:
                world.cloud.client("s3").put_bucket_policy(Bucket="their-data", Policy=document)


def test_another_accounts_catalog_is_read_if_both_accounts_allow_it(world: World) -> None:
    nothing = world.quick.query("sales", "sales", "orders", CATALOG)
    give(world, "glue")
    without_bucket = world.quick.query("sales", "sales", "orders", CATALOG)
    give(world, "s3")
    both = world.quick.query("sales", "sales", "orders", CATALOG)
    world.change_consumer(**consumer_statements(world.account))
    not_their_own = world.quick.query("sales", "sales", "orders", CATALOG)
    assert "no resource-based policy allows the glue:GetDatabase action" in nothing.message
    assert "no resource-based policy allows the s3:ListBucket action" in without_bucket.message
    assert (both.allowed, both.account, both.columns) == (True, world.account, ("id", "amount", "day"))
    assert "no identity-based policy allows the athena:GetDataCatalog action" in not_their_own.message


def test_a_catalog_that_is_not_there_is_named(world: World) -> None:
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    world.change_consumer(all=anything)
    assert "Catalog 'gone' not found" in world.quick.query("sales", "sales", "orders", "gone").message


def test_a_data_set_names_the_catalog(world: World) -> None:
    give(world, "glue", "s3")
    columns = [{"Name": "id", "Type": "INTEGER"}]
    table = {"DataSourceArn": SOURCE, "Catalog": CATALOG, "Schema": "sales", "Name": "orders", "InputColumns": columns}
    query = {"DataSourceArn": SOURCE, "Name": "q", "SqlQuery": 'SELECT * FROM "theirs"."sales"."orders"'}
    for name, physical in {
        "table": {"RelationalTable": table},
        "sql": {"CustomSql": {**query, "Columns": columns}},
    }.items():
        world.call(
            "create_data_set", DataSetId=name, Name=name, PhysicalTableMap={"one": physical}, ImportMode="DIRECT_QUERY"
        )
        assert world.quick.read_dataset(name).location == "s3://their-data/sales/orders/"

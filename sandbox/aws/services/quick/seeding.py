"""Give an account something to query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

COLUMNS = (
    {"Name": "id", "Type": "bigint"},
    {"Name": "amount", "Type": "decimal(10,2)"},
    {"Name": "day", "Type": "date"},
)
CSV = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


def seed_lake(cloud: Cloud, account: str, database: str, table: str, bucket: str) -> None:
    """A Glue database with one table whose data is in that bucket; what exists already stays."""
    with cloud.administering(account):
        s3, glue = cloud.client("s3"), cloud.client("glue")
        _unless(s3.exceptions.BucketAlreadyOwnedByYou, s3.create_bucket, Bucket=bucket, **_place(cloud))
        s3.put_object(Bucket=bucket, Key=f"{database}/{table}/part-00000.csv", Body=b"1,9.99,2026-11-24\n")
        exists = glue.exceptions.AlreadyExistsException
        _unless(exists, glue.create_database, DatabaseInput={"Name": database})
        described = _table(table, f"s3://{bucket}/{database}/{table}/")
        _unless(exists, glue.create_table, DatabaseName=database, TableInput=described)


def _place(cloud: Cloud) -> dict[str, Any]:
    region = cloud.topology.region
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _table(name: str, location: str) -> dict[str, Any]:
    storage = {"Columns": list(COLUMNS), "Location": location, "SerdeInfo": {"SerializationLibrary": CSV}}
    return {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}


def _unless(exists: type[Exception], create: Any, **request: Any) -> None:
    try:
        create(**request)
    except exists:
        return

"""What a sweep stores, in the registry table under pk `sweep#<id>`; and the list of the registry's records."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from control_plane.aws.calls import named_errors
from control_plane.aws.items import ACCOUNT, account_of, anomaly, connection_of, is_claim, text
from control_plane.aws.registry import record_of
from control_plane.opt_in import Value
from control_plane.sweep.ports import ListPage
from control_plane.sweep.snapshot import RecordSummary

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=14)
TOGETHER = 500  # records on a page, which is stored as one item: the limit of DynamoDB is 400 KB
NAME = 100  # characters of an error's name, so that no record makes a page too large
V = TypeVar("V", bound=Value)


class DynamoDbSweepStore:
    """Port `SweepStore` over DynamoDB, which deletes an item some time after its `expires_at`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def put(self, sweep_id: str, name: str, value: Value) -> None:
        """Store one value; it replaces an older one of that name."""
        expires: Any = {"expires_at": {"N": str(_expiry(sweep_id))}} if sweep_id else {}
        item = {**_key(sweep_id, name), "value": {"S": value.model_dump_json(exclude_defaults=True)}, **expires}
        with named_errors():
            self._client.put_item(TableName=self._table, Item=item)

    def get(self, sweep_id: str, name: str, model: type[V]) -> V | None:
        """One value, or None."""
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=_key(sweep_id, name), ConsistentRead=True)
        return model.model_validate_json(found["Item"]["value"]["S"]) if "Item" in found else None

    def every(self, sweep_id: str, prefix: str, model: type[V]) -> Iterator[V]:
        """The values whose names start with the prefix, in order of their names."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :sweep AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={":sweep": _key(sweep_id, "")["pk"], ":prefix": {"S": prefix}},
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield model.model_validate_json(item["value"]["S"])


class DynamoDbRecordListing:
    """Port `RecordListing` over DynamoDB: a scan, because there is no index of all accounts."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def page(self, token: str) -> ListPage[RecordSummary]:
        """Some records and claims."""
        following: Any = {"ExclusiveStartKey": json.loads(token)} if token else {}
        with named_errors():
            found: Any = self._client.scan(
                TableName=self._table,
                FilterExpression="begins_with(pk, :account)",
                ExpressionAttributeValues={":account": {"S": ACCOUNT}},
                ConsistentRead=True,
                Limit=TOGETHER,
                **following,
            )
        after = found.get("LastEvaluatedKey")
        return ListPage([_summary(each) for each in found["Items"]], json.dumps(after) if after else "")


def _summary(item: Any) -> RecordSummary:
    """The summary of an item; of one that can't be read, only how it is malformed."""
    malformed, connection, error = anomaly(item), connection_of(item), text(item, "error")[:NAME]
    if is_claim(item):
        status = text(item, "status")[:NAME]
        return RecordSummary(account_id=account_of(item) or "", status=status, error=error, malformed=malformed)
    record = record_of(item) if connection else None
    if connection is None or record is None:
        return RecordSummary(malformed=malformed)
    return RecordSummary(
        account_id=connection.account_id,
        profile=connection.profile,
        status=record.status,
        error=error,
        remove_after=record.remove_after,
        since=record.since,
        instance_retained=record.instance_retained,
        malformed=malformed,
    )


def _key(sweep_id: str, name: str) -> Any:
    """The key of a value. What outlives a sweep has no id, and a partition that other steps can't write."""
    return {"pk": {"S": f"sweep#{sweep_id}" if sweep_id else "report"}, "sk": {"S": name}}


def _expiry(sweep_id: str) -> int:
    """When a sweep's values expire. A sweep's id starts with its start time: YYYYMMDDhhmmss."""
    started = datetime.strptime(sweep_id[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return int((started + KEPT).timestamp())

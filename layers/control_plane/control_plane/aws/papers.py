"""What a sweep writes down and reads back, in the registry table under pk `sweep#<id>`; and the registry's records."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from control_plane.asking import Value
from control_plane.aws.calls import named_errors
from control_plane.aws.items import ACCOUNT, account_of, is_claim, key_of, oddity, text
from control_plane.aws.registry import record_of
from control_plane.sweep.facts import Remembered
from control_plane.sweep.ports import Read

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=14)
TOGETHER = 500  # records on a page, which is one item: DynamoDB takes 400 KB
NAME = 100  # characters of an error's name: nothing that somebody wrote makes a page too large
V = TypeVar("V", bound=Value)


class DynamoDbPapers:
    """Port `Papers` over DynamoDB, which forgets an item some time after its `expires_at`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def put(self, sweep_id: str, name: str, value: Value) -> None:
        """Write one value down, in place of an older one of that name."""
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
        """The values whose names begin like that, in order of their names."""
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
    """Port `RecordListing` over DynamoDB: a scan, since nothing else knows every account."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def page(self, token: str) -> Read[Remembered]:
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
        return Read([_remembered(each) for each in found["Items"]], json.dumps(after) if after else "")


def _remembered(item: Any) -> Remembered:
    """What an item says; of one that can't be read, only that it is odd."""
    odd, connection, error = oddity(item), key_of(item), text(item, "error")[:NAME]
    if is_claim(item):
        status = text(item, "status")[:NAME]
        return Remembered(account_id=account_of(item) or "", status=status, error=error, odd=odd)
    record = record_of(item) if connection else None
    if connection is None or record is None:
        return Remembered(odd=odd)
    return Remembered(
        account_id=connection.account_id,
        profile=connection.profile,
        status=record.status,
        error=error,
        remove_after=record.remove_after,
        since=record.since,
        is_kept=record.is_kept,
        odd=odd,
    )


def _key(sweep_id: str, name: str) -> Any:
    """What outlives a sweep has no id, and a partition that other steps of a sweep can't write."""
    return {"pk": {"S": f"sweep#{sweep_id}" if sweep_id else "report"}, "sk": {"S": name}}


def _expiry(sweep_id: str) -> int:
    """A sweep's id begins with the time it began at: YYYYMMDDhhmmss."""
    began = datetime.strptime(sweep_id[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return int((began + KEPT).timestamp())

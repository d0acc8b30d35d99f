"""The ways in which the adapters read and write a DynamoDB table."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of, named_errors
from control_plane.errors import Throttled

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_BATCH = 100  # items in one BatchGetItem
Item = Mapping[str, Any]  # attributes as DynamoDB's API has them: {"S": "text"}


class Table:
    """A DynamoDB table with the keys `pk` and `sk`. All reads of items are consistent."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client, self._name = client, name

    def get(self, key: Any) -> Item:
        """One item; empty when it does not exist."""
        with named_errors():
            return self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item", {})

    def get_many(self, keys: Sequence[Any]) -> Iterator[Item]:
        """The items that exist, in any order, up to 100 a call."""
        for first in range(0, len(keys), MAX_BATCH):
            chunk = keys[first : first + MAX_BATCH]
            with named_errors():
                found: Any = self._client.batch_get_item(
                    RequestItems={self._name: {"Keys": chunk, "ConsistentRead": True}}
                )
            if found.get("UnprocessedKeys"):
                raise Throttled("DynamoDB did not return all items that were asked for")
            yield from found["Responses"].get(self._name, ())

    def query(self, condition: str, values: Any, max_pages: int | None = None) -> Iterator[Item]:
        """The items that match a key condition, page by page."""
        yield from self._query(max_pages, KeyConditionExpression=condition, Values=values, ConsistentRead=True)

    def query_index(self, index: str, condition: str, values: Any) -> Iterator[Item]:
        """The items of an index that match a key condition. An index can't be read consistently."""
        yield from self._query(None, IndexName=index, KeyConditionExpression=condition, Values=values)

    def count(self, condition: str, values: Any) -> int:
        """How many items match a key condition."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._name,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                Select="COUNT",
            )
            return sum(page["Count"] for page in pages)

    def scan_page(self, condition: str, values: Any, limit: int, after: Any) -> tuple[list[Item], Any]:
        """The matching ones among the next `limit` items, and the key to continue after; None at the end."""
        following = {"ExclusiveStartKey": after} if after else {}
        with named_errors():
            found: Any = self._client.scan(
                TableName=self._name,
                FilterExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                Limit=limit,
                **following,
            )
        return found["Items"], found.get("LastEvaluatedKey")

    def put(self, item: Any) -> None:
        """Store an item; it replaces an item with the same key."""
        with named_errors():
            self._client.put_item(TableName=self._name, Item=item)

    def update(self, key: Any, expression: str, values: Any, condition: str = "", names: Any = None) -> bool:
        """Change attributes of an item, or create it. False when the condition fails: then nothing is changed."""
        more: Any = {"ExpressionAttributeNames": names} if names else {}
        return self._attempt(
            self._client.update_item,
            Key=key,
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": values} if values else {}),  # DynamoDB accepts no empty ones
            **_condition(condition),
            **more,
        )

    def delete(self, key: Any, condition: str = "", values: Any = None, names: Any = None) -> bool:
        """Delete an item. False when the condition fails: then nothing is deleted."""
        more: Any = {"ExpressionAttributeValues": values} if values else {}  # DynamoDB accepts no empty ones
        more |= {"ExpressionAttributeNames": names} if names else {}
        return self._attempt(self._client.delete_item, Key=key, **_condition(condition), **more)

    def _query(self, max_pages: int | None, **request: Any) -> Iterator[Item]:
        values = request.pop("Values")
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._name, ExpressionAttributeValues=values, **request
            )
            for page in islice(pages, max_pages):
                yield from page["Items"]

    def _attempt(self, write: Any, **request: Any) -> bool:
        try:
            with named_errors():
                write(TableName=self._name, **request)
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _condition(expression: str) -> Any:
    return {"ConditionExpression": expression} if expression else {}


def item_key(pk: str, sk: str) -> Any:
    """The key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def string(item: Item, name: str) -> str:
    """A string attribute; empty when it is missing or not a string."""
    value = item.get(name)
    return str(value["S"]) if isinstance(value, Mapping) and "S" in value else ""


def string_set(item: Item, name: str) -> frozenset[str]:
    """An attribute that is a set of strings; empty when it is missing or something else."""
    value = item.get(name)
    return frozenset(value.get("SS", ())) if isinstance(value, Mapping) else frozenset()

"""The access ledger: pending changes and the writer's lease, each kind of item in a partition of its own.

Nothing that stands in an item is believed but what the item's key and types allow: see docs/decisions/0018.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.account import Connection
from control_plane.aws.calls import code_of, named_errors
from control_plane.brake import OLDEST_CALL
from control_plane.ports import GONE, PendingChange, RefusedChange, Wish, Wishes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = timedelta(seconds=90)  # longer than the writing function's timeout: a live writer never loses it
READ_LAG = timedelta(minutes=5)  # after that a version we wrote and don't see was taken away, not delayed
PENDING = {"S": "access#pending"}
LEASE_KEY: Any = {"pk": {"S": "access#lease"}, "sk": {"S": "lease"}}
AT_ONCE = 100  # odd items taken away by one writer; the others wait for the next
LAST = "~"  # sorts after every time
TOLD = ("allow", "counted", "generation")  # what a change says; the rest of it is its key
GENERATION = re.compile(r"[0-9]{1,15}")
VERSION = re.compile(r"[A-Za-z0-9]+/v[0-9]{1,9}")


class DynamoDbLedger:
    """Port `AccessLedger` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def ask(self, wish: Wish, now: str) -> None:
        """Note one wish; a later generation's replaces it, an earlier one's comes too late."""
        self._attempt(
            self._client.update_item,
            Key={"pk": PENDING, "sk": {"S": wish.connection.key}},
            # Who waits keeps the place it has had since it asked first.
            UpdateExpression=(
                "SET allow = :allow, counted = :counted, generation = :generation, asked = if_not_exists(asked, :now)"
            ),
            # Whatever stands there and has no generation is no change, and must not keep one out.
            ConditionExpression="NOT attribute_type(generation, :number) OR generation <= :generation",
            ExpressionAttributeValues={
                ":allow": {"BOOL": wish.allow},
                ":counted": {"BOOL": wish.counted},
                ":generation": {"N": str(wish.generation)},
                ":number": {"S": "N"},
                ":now": {"S": _after(now)},
            },
        )

    def pending(self) -> Wishes:
        """Everything asked for and not applied."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pending",
                ExpressionAttributeValues={":pending": PENDING},
                ConsistentRead=True,
            )
            read = [_read(item) for page in pages for item in page["Items"]]
        return Wishes(
            changes=tuple(each for each in read if isinstance(each, PendingChange)),
            refused=tuple(each for each in read if isinstance(each, RefusedChange)),
        )

    def applied(self, changes: Collection[PendingChange]) -> None:
        """Forget changes that hold now, unless they were replaced meanwhile."""
        for each in changes:
            values = {"generation": {"N": str(each.wish.generation)}, "allow": {"BOOL": each.wish.allow}}
            self._forget(each.key, values)  # one attempt may ask for access, and then take it back

    def refuse(self, changes: Collection[RefusedChange]) -> None:
        """Forget items that are no change, unless somebody put one in their place meanwhile: that changes a value."""
        for each in list(changes)[:AT_ONCE]:
            self._forget(each.key, each.values)

    def acquire(self, holder: str, now: str) -> bool:
        """Become the one writer; False while another one is. A lease outlived by its holder is taken over.

        So is one that is longer than a lease can be, or does not say how long it is: it is no writer's.
        """
        return self._attempt(
            self._client.update_item,
            Key=LEASE_KEY,
            UpdateExpression="SET holder = :holder, expires = :expires",
            ConditionExpression=(
                "attribute_not_exists(holder) OR holder = :holder OR NOT attribute_type(expires, :string) "
                "OR expires < :now OR expires > :longest"
            ),
            ExpressionAttributeValues={
                ":holder": {"S": holder},
                ":expires": {"S": _after(now, LEASE)},
                ":now": {"S": _after(now)},
                ":longest": {"S": _after(now, LEASE + OLDEST_CALL)},
                ":string": {"S": "S"},
            },
        )

    def holds(self, holder: str) -> bool:
        """Whether the holder still is the one writer, read consistently."""
        return bool(self._lease().get("holder", {}).get("S") == holder)

    def written(self, now: str) -> Mapping[str, str]:
        """The versions recent writers left, by shard name: IAM may still answer older ones."""
        lease = self._lease()
        left_at = lease.get("left_at", {}).get("S", "")
        if not _after(now, -READ_LAG) <= left_at <= _after(now, OLDEST_CALL):
            return {}
        left = {name: version.get("S") for name, version in lease.get("left", {}).get("M", {}).items()}
        return {name: version for name, version in left.items() if version == GONE or VERSION.fullmatch(version or "-")}

    def release(self, holder: str, versions: Mapping[str, str], now: str) -> None:
        """Let others write, and say what was left. A lease taken over meanwhile is the other's."""
        left = {**self.written(now), **versions}
        self._attempt(
            self._client.update_item,
            Key=LEASE_KEY,
            UpdateExpression="REMOVE holder, expires SET #left = :left" + (", left_at = :now" if versions else ""),
            ConditionExpression="holder = :holder",
            ExpressionAttributeNames={"#left": "left"},
            ExpressionAttributeValues={
                ":holder": {"S": holder},
                ":left": {"M": {name: {"S": version} for name, version in left.items()}},
                **({":now": {"S": _after(now)}} if versions else {}),
            },
        )

    def _lease(self) -> dict[str, Any]:
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=LEASE_KEY, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def _forget(self, key: str, values: Mapping[str, Any]) -> None:
        """Delete a pending item that says these, and nothing else of what a change says."""
        names = list(values)
        self._attempt(
            self._client.delete_item,
            Key={"pk": PENDING, "sk": {"S": key}},
            ConditionExpression=" AND ".join(
                f"{name} = :{name}" if values[name] is not None else f"attribute_not_exists({name})" for name in names
            ),
            ExpressionAttributeValues={f":{name}": values[name] for name in names if values[name] is not None},
        )

    def _attempt(self, write: Any, **request: Any) -> bool:
        """Whether a conditional write's condition held."""
        if not request.get("ExpressionAttributeValues", True):
            del request["ExpressionAttributeValues"]  # DynamoDB takes no empty ones
        try:
            with named_errors():
                write(TableName=self._table, **request)
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _read(item: Mapping[str, Any]) -> PendingChange | RefusedChange:
    """A pending item as the change it is, of the connection its key names; or why it is none."""
    key = item["sk"]["S"]
    values = {name: item.get(name) for name in TOLD}
    connection = Connection.of_key(key)
    if connection is None:
        return RefusedChange(key, "its key is no connection of ours", values)
    allow, counted = item.get("allow", {}).get("BOOL"), item.get("counted", {"BOOL": True}).get("BOOL")
    if not isinstance(allow, bool) or not isinstance(counted, bool):
        return RefusedChange(key, "it does not say whether access is wanted", values)
    generation = item.get("generation", {}).get("N", "")
    if not GENERATION.fullmatch(generation):
        return RefusedChange(key, "its generation is no number of looks", values)
    wish = Wish(connection, allow, int(generation), counted)
    return PendingChange(wish, asked=item.get("asked", {}).get("S", LAST))


def _after(moment: str, delay: timedelta = timedelta()) -> str:
    """A moment in one comparable form: ISO 8601, UTC, microseconds."""
    return (datetime.fromisoformat(moment) + delay).isoformat(timespec="microseconds")

"""The access ledger: pending changes and the writer's lease. Each kind of item has its own partition.

Only the key of an item and attributes of the expected type are believed: see docs/decisions/0018.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.account import Connection
from control_plane.aws.calls import code_of, named_errors
from control_plane.ports.access import NO_VERSION, AccessChange, PendingChange, PendingChanges, RefusedChange
from control_plane.revocation_budget import OLDEST_CALL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = timedelta(seconds=90)  # longer than the timeout of the writing function, so a running writer never loses it
READ_LAG = timedelta(minutes=5)  # a version we wrote and can't read after that was deleted, not delayed
PENDING = {"S": "access#pending"}
LEASE_KEY: Any = {"pk": {"S": "access#lease"}, "sk": {"S": "lease"}}
AT_ONCE = 100  # malformed items that one writer deletes; the next writer deletes more
LAST = "~"  # sorts after every time
CHANGE = ("allow", "counted", "generation")  # the attributes of a change, besides its key
GENERATION = re.compile(r"[0-9]{1,15}")
VERSION = re.compile(r"[A-Za-z0-9]+/v[0-9]{1,9}")


class DynamoDbLedger:
    """Port `AccessLedger` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def enqueue(self, change: AccessChange, now: str) -> None:
        """Store one change, unless there is one of a later generation; it replaces an earlier one."""
        self._attempt(
            self._client.update_item,
            Key={"pk": PENDING, "sk": {"S": change.connection.key}},
            # A change that waits already keeps its place in the queue.
            UpdateExpression=(
                "SET allow = :allow, counted = :counted, generation = :generation,"
                " requested_at = if_not_exists(requested_at, :now)"
            ),
            # An item without a generation is malformed, and must not block a change.
            ConditionExpression="NOT attribute_type(generation, :number) OR generation <= :generation",
            ExpressionAttributeValues={
                ":allow": {"BOOL": change.allow},
                ":counted": {"BOOL": change.counted},
                ":generation": {"N": str(change.generation)},
                ":number": {"S": "N"},
                ":now": {"S": _after(now)},
            },
        )

    def pending(self) -> PendingChanges:
        """All changes that are requested and not applied."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pending",
                ExpressionAttributeValues={":pending": PENDING},
                ConsistentRead=True,
            )
            read = [_read(item) for page in pages for item in page["Items"]]
        return PendingChanges(
            changes=tuple(each for each in read if isinstance(each, PendingChange)),
            refused=tuple(each for each in read if isinstance(each, RefusedChange)),
        )

    def remove_applied(self, changes: Collection[PendingChange]) -> None:
        """Delete changes that are applied, unless they were replaced meanwhile."""
        for each in changes:
            values = {"generation": {"N": str(each.change.generation)}, "allow": {"BOOL": each.change.allow}}
            self._forget(each.key, values)  # one attempt may allow access and then roll it back

    def discard(self, changes: Collection[RefusedChange]) -> None:
        """Delete malformed items, unless they were replaced meanwhile: a new change has other values."""
        for each in list(changes)[:AT_ONCE]:
            self._forget(each.key, each.values)

    def acquire(self, holder: str, now: str) -> bool:
        """Take the writer's lease; False while another writer has it. An expired lease is taken over.

        So is a lease without an expiry, or with one later than any writer sets: no writer stored it.
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
        """Whether that holder still has the lease, read consistently."""
        return bool(self._lease().get("holder", {}).get("S") == holder)

    def recent_versions(self, now: str) -> Mapping[str, str]:
        """The versions that recent writers wrote, by shard name: IAM may still return older ones."""
        lease = self._lease()
        versions_at = lease.get("versions_at", {}).get("S", "")
        if not _after(now, -READ_LAG) <= versions_at <= _after(now, OLDEST_CALL):
            return {}
        found = {name: version.get("S") for name, version in lease.get("versions", {}).get("M", {}).items()}
        return {
            name: version
            for name, version in found.items()
            if version == NO_VERSION or VERSION.fullmatch(version or "-")
        }

    def release(self, holder: str, versions: Mapping[str, str], now: str) -> None:
        """Give the lease back and record the versions written; nothing when another writer took it over meanwhile."""
        known = {**self.recent_versions(now), **versions}
        self._attempt(
            self._client.update_item,
            Key=LEASE_KEY,
            UpdateExpression="REMOVE holder, expires SET versions = :versions"
            + (", versions_at = :now" if versions else ""),
            ConditionExpression="holder = :holder",
            ExpressionAttributeValues={
                ":holder": {"S": holder},
                ":versions": {"M": {name: {"S": version} for name, version in known.items()}},
                **({":now": {"S": _after(now)}} if versions else {}),
            },
        )

    def _lease(self) -> dict[str, Any]:
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=LEASE_KEY, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def _forget(self, key: str, values: Mapping[str, Any]) -> None:
        """Delete a pending item if it still has these values."""
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
        """Make a conditional write; False when its condition failed."""
        if not request.get("ExpressionAttributeValues", True):
            del request["ExpressionAttributeValues"]  # DynamoDB accepts no empty ones
        try:
            with named_errors():
                write(TableName=self._table, **request)
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _read(item: Mapping[str, Any]) -> PendingChange | RefusedChange:
    """A pending item as a change of the connection in its key; or what is malformed about it."""
    key = item["sk"]["S"]
    values = {name: item.get(name) for name in CHANGE}
    connection = Connection.of_key(key)
    if connection is None:
        return RefusedChange(key, "its key is not a connection of ours", values)
    allow, counted = item.get("allow", {}).get("BOOL"), item.get("counted", {"BOOL": True}).get("BOOL")
    if not isinstance(allow, bool) or not isinstance(counted, bool):
        return RefusedChange(key, "it does not say whether to allow or to revoke access", values)
    generation = item.get("generation", {}).get("N", "")
    if not GENERATION.fullmatch(generation):
        return RefusedChange(key, "its generation is not a count", values)
    change = AccessChange(connection, allow, int(generation), counted)
    return PendingChange(change, requested_at=item.get("requested_at", {}).get("S", LAST))


def _after(moment: str, delay: timedelta = timedelta()) -> str:
    """A time as comparable text: ISO 8601, UTC, microseconds."""
    return (datetime.fromisoformat(moment) + delay).isoformat(timespec="microseconds")

"""The registry table: one record for each connection and one claim for each account (docs/reference/registry.md)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from control_plane.aws.calls import named_errors
from control_plane.aws.items import (
    ACCOUNT,
    CLAIM,
    CONNECTION,
    account_of,
    connection_of,
    count,
    is_claim,
    moment,
    text,
)
from control_plane.ports.registry import STATUSES, Record, UnsettledRecord
from control_plane.text import LONGEST, bounded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "unsettled"
IN_PROGRESS = ("connecting", "disconnecting")
PAGES = 10  # of an account's records, 1 MB each: a real account needs part of one page
NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # for items that do not say when they were written
WATCH: Any = {"pk": {"S": "watch"}, "sk": {"S": "report"}}


class DynamoDbRegistry:
    """Port `Registry` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def records(self, account_id: str) -> dict[str, Record]:
        """The records of an account's connections, by profile. Malformed records are left out."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :account AND begins_with(sk, :connection)",
                ExpressionAttributeValues={
                    ":account": {"S": f"{ACCOUNT}{account_id}"},
                    ":connection": {"S": CONNECTION},
                },
                ConsistentRead=True,
            )
            items: list[Any] = [item for page in islice(pages, PAGES) for item in page["Items"]]
        found = {connection.profile: record_of(item) for item in items if (connection := connection_of(item))}
        return {profile: record for profile, record in found.items() if record}

    def record_failure(self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str) -> None:
        """Record why a connection failed or, without a profile, why the whole account failed (on its claim).

        Connections in progress fail with their account: none may stay in progress.
        """
        if profile is not None:
            self._fail(account_id, f"{CONNECTION}{profile}", failure, now)
            return
        for name, record in self.records(account_id).items():
            if record.status in IN_PROGRESS:
                self._fail(account_id, f"{CONNECTION}{name}", failure, now)
        self._fail(account_id, CLAIM, failure, now)

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Record the assets that stop working with a connection's data source."""
        with named_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"{ACCOUNT}{account_id}"}, "sk": {"S": f"{CONNECTION}{profile}"}},
                UpdateExpression="SET dependents = :dependents, updated = :now",
                ExpressionAttributeValues={":dependents": {"S": dependents}, ":now": {"S": now}},
            )

    def unsettled(self, kind: str) -> list[UnsettledRecord]:
        """Records that are `in_progress` or `failed`, the one written longest ago first."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=INDEX,
                KeyConditionExpression="unsettled = :kind",
                ExpressionAttributeValues={":kind": {"S": kind}},
            )
            items: list[Any] = [item for page in pages for item in page["Items"]]
        return [_unsettled_record(item) for item in items if is_claim(item) or connection_of(item)]

    def held_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim wrote it last; None when nobody holds it."""
        key: Any = {"pk": {"S": f"{ACCOUNT}{account_id}"}, "sk": {"S": CLAIM}}
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        return _written(found) if "holder" in found else None

    def unread_events(self) -> int:
        """How many events are stored in which no account was found."""
        with named_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :unread",
                ExpressionAttributeValues={":unread": {"S": "unread"}},
                Select="COUNT",
            )
            return sum(page["Count"] for page in pages)

    def last_report(self) -> str:
        """Until when failures have been reported; empty at first."""
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=WATCH, ConsistentRead=True).get("Item", {})
        return text(found, "updated") if moment(found, "updated") else ""

    def set_last_report(self, until: str) -> None:
        """Record until when failures have been reported."""
        with named_errors():
            self._client.put_item(TableName=self._table, Item={**WATCH, "updated": {"S": until}})

    def _fail(self, account_id: str, sort_key: str, failure: Mapping[str, str], now: str) -> None:
        values = {**failure, "status": "failed", "unsettled": "failed", "updated": now}
        names = {f"#{name}": name for name in values}
        with named_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"{ACCOUNT}{account_id}"}, "sk": {"S": sort_key}},
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
            )


def record_of(item: Mapping[str, Any]) -> Record | None:
    """A connection's record from its item; None when the item has no valid status."""
    status = text(item, "status")
    if status not in STATUSES:
        return None
    return Record(
        status=status,
        remove_after=moment(item, "remove_after"),
        since=moment(item, "since"),
        instance_retained="instance_retained" in item,
        retained=bounded(text(item, "retained"), LONGEST),
        dependents=text(item, "dependents"),
    )


def _unsettled_record(item: Mapping[str, Any]) -> UnsettledRecord:
    connection = connection_of(item)
    return UnsettledRecord(
        account_id=account_of(item) or "",
        profile=connection.profile if connection else None,
        updated=_written(item),
        held="holder" in item,
        generation=count(item, "generation"),
        requeue_requests=count(item, "requeue_requests"),
        requested_by=text(item, "requested_by"),
        account_name=text(item, "account_name"),
        error=text(item, "error"),
        reason=text(item, "reason"),
        cause=text(item, "cause"),
        remedy=text(item, "remedy"),
    )


def _written(item: Mapping[str, Any]) -> str:
    """When an item was written last. One that does not say counts as old, so that it is reconciled."""
    return text(item, "updated") if moment(item, "updated") else NEVER.isoformat()

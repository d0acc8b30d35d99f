"""The registry table: one record for each connection and one claim for each account (docs/reference/registry.md).

This is the only module that reads records and claims. Besides it only the state machines write them.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import boto3

from control_plane.aws.calls import CONFIG
from control_plane.aws.dynamodb import Item, Table, item_key, string
from control_plane.aws.records import ACCOUNT, CLAIM, CONNECTION, read, read_or_anomaly, time_of, updated
from control_plane.ports.listing import ListPage
from control_plane.ports.registry import Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "unsettled"
IN_PROGRESS = ("connecting", "disconnecting")
MAX_PAGES = 10  # of an account's records, 1 MB each: a real account needs part of one page
PAGE = 500  # items on a page of all records; a sweep stores a page as one item, and the limit of DynamoDB is 400 KB
# Whether no newer generation has written a record. More than so many passes ahead is not one that can be true.
FENCE = (
    "attribute_not_exists(generation) OR NOT attribute_type(generation, :number)"
    " OR NOT generation BETWEEN :newer AND :newest"
)
NEWEST = 100
WATCH = item_key("watch", "report")
LAST_SWEEP = item_key("report", "last")  # a sweep's store writes it


class DynamoDbRegistry:
    """Port `Registry`, and the sweep's port `RecordListing`, over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    @classmethod
    def open(cls, table: str, region: str) -> Self:
        """The registry in that table and Region, with the caller's credentials."""
        return cls(boto3.client("dynamodb", region_name=region, config=CONFIG), table)

    # Read ----------------------------------------------------------------------------------------------------

    def account(self, account_id: str) -> list[Record]:
        """An account's claim and the records of its connections."""
        return [record for item in self._items(account_id) if (record := read(item))]

    def records(self, account_id: str) -> dict[str, Record]:
        """The valid records of an account's connections, by profile."""
        found = (read(item) for item in self._items(account_id, CONNECTION))
        return {each.profile: each for each in found if each and each.profile is not None and each.is_valid}

    def unsettled(self, kind: str) -> list[Record]:
        """Records that are `in_progress`, `failed` or `degraded`, the one written longest ago first."""
        items = self._table.query_index(INDEX, "unsettled = :kind", {":kind": {"S": kind}})
        return [record for item in items if (record := read(item))]

    def page(self, token: str) -> ListPage[Record]:
        """Some records and claims of all accounts. It is a scan, because there is no index of all accounts."""
        after = json.loads(token) if token else None
        values = {":account": {"S": ACCOUNT}}
        items, following = self._table.scan_page("begins_with(pk, :account)", values, PAGE, after)
        return ListPage([read_or_anomaly(item) for item in items], json.dumps(following) if following else "")

    def every(self) -> Iterator[Record]:
        """All records and claims of all accounts."""
        token = ""
        while True:
            page = self.page(token)
            yield from page.items
            if not (token := page.token):
                return

    def is_claimed_by(self, account_id: str, execution: str) -> bool:
        """Whether that execution holds the account's claim now."""
        return string(self._table.get(item_key(f"{ACCOUNT}{account_id}", CLAIM)), "holder") == execution

    def superseded(self, holders: Mapping[str, str]) -> frozenset[str]:
        """Of accounts and their holders: the accounts that another one holds now, or that are to be assessed anew."""
        keys = [item_key(f"{ACCOUNT}{account_id}", CLAIM) for account_id in sorted(holders)]
        claims = {string(each, "pk").removeprefix(ACCOUNT): each for each in self._table.get_many(keys)}
        return frozenset(each for each, holder in holders.items() if not _is_held(claims.get(each, {}), holder))

    def claimed_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim wrote it last; None when nobody holds it."""
        found = self._table.get(item_key(f"{ACCOUNT}{account_id}", CLAIM))
        return updated(found) if "holder" in found else None

    def unread_events(self) -> int:
        """How many events are stored in which no account was found."""
        return self._table.count("pk = :unread", {":unread": {"S": "unread"}})

    def swept_at(self) -> str:
        """When the last sweep ended; empty before the first one, and when its report is malformed."""
        found = self._table.get(LAST_SWEEP)
        try:
            at = str(json.loads(string(found, "value"))["at"])
            return at if datetime.fromisoformat(at).tzinfo else ""
        except (ValueError, KeyError, TypeError):
            return ""

    def last_report(self) -> str:
        """Until when failures have been reported; empty at first."""
        found = self._table.get(WATCH)
        return string(found, "updated") if time_of(found, "updated") else ""

    def _items(self, account_id: str, prefix: str = "") -> Iterator[Item]:
        values = {":account": {"S": f"{ACCOUNT}{account_id}"}}
        if not prefix:
            return self._table.query("pk = :account", values, MAX_PAGES)
        condition = "pk = :account AND begins_with(sk, :prefix)"
        return self._table.query(condition, {**values, ":prefix": {"S": prefix}}, MAX_PAGES)

    # Write ---------------------------------------------------------------------------------------------------

    def record_failure(
        self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str, generation: int | None = None
    ) -> None:
        """Record why a connection failed or, without a profile, why the whole account failed (on its claim).

        Connections in progress fail with their account: none may stay in progress. With a generation, a record that a
        newer one has written stays as it is, as in the states of ReconcileConnection.
        """
        if profile is not None:
            self._fail(account_id, f"{CONNECTION}{profile}", failure, now, generation)
            return
        for name, record in self.records(account_id).items():
            if record.status in IN_PROGRESS:
                self._fail(account_id, f"{CONNECTION}{name}", failure, now)
        self._fail(account_id, CLAIM, failure, now)

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Record the assets that stop working with a connection's data source."""
        self._set(account_id, f"{CONNECTION}{profile}", {"dependents": dependents, "updated": now})

    def set_last_report(self, until: str) -> None:
        """Record until when failures have been reported."""
        self._table.put({**WATCH, "updated": {"S": until}})

    def _fail(
        self, account_id: str, sort_key: str, failure: Mapping[str, str], now: str, generation: int | None = None
    ) -> None:
        values = {**failure, "status": "failed", "unsettled": "failed", "updated": now}
        self._set(account_id, sort_key, values, generation)

    def _set(self, account_id: str, sort_key: str, values: Mapping[str, str], generation: int | None = None) -> None:
        condition, fence = ("", {}) if generation is None else (FENCE, fence_values(generation))
        self._table.update(
            item_key(f"{ACCOUNT}{account_id}", sort_key),
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            {**{f":{name}": {"S": value} for name, value in values.items()}, **fence},
            condition,
            names={f"#{name}": name for name in values},
        )


def _is_held(claim: Item, holder: str) -> bool:
    """Whether that execution holds the claim, and nobody has requested to assess the account anew."""
    return string(claim, "holder") == holder and "requeue_requested" not in claim


def fence_values(generation: int) -> dict[str, Any]:
    """The values of `FENCE` for that generation, as DynamoDB's API has them."""
    numbers = {":newer": generation + 1, ":newest": generation + NEWEST}
    return {":number": {"S": "N"}, **{name: {"N": str(number)} for name, number in numbers.items()}}

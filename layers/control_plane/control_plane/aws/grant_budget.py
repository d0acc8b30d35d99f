"""The stored grant budget. Malformed items count as none (docs/decisions/0019)."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from control_plane.aws.approval_batches import BatchKeys, DynamoDbApprovalBatches
from control_plane.aws.dynamodb import Item, Table, item_key, string
from control_plane.events import UNIT
from control_plane.grant_budget import hours, limit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCHES, TOKENS, APPROVED, BUDGET = "grants#batch", "grants#approval", "grants#approved", "grants#budget"
COUNTED = "grants#counted"
ORGANIZATION = item_key("grants#organization", "accounts")
HELD = "held#"
MAX_UNITS = 200  # whose batches a sweep reads
TOO_MANY = 10**9  # of a count that can't be read: nothing is left, and a sweep asks people
APPROVED_FOR = timedelta(days=7)  # after it, another tag on the unit needs another approval
COUNTED_FOR = timedelta(hours=3)  # longer than the two hours that count together


class DynamoDbGrantBudget:
    """Port `GrantBudget` over DynamoDB. `percent`: of the organization's accounts; 0: no limit."""

    def __init__(self, client: "DynamoDBClient", table: str, percent: int) -> None:
        self._client, self._name, self._percent = client, table, percent
        self._table = Table(client, table)

    def limit(self) -> int | None:
        """New connections of one unit within an hour that need no approval; None: any number."""
        return limit(_number(self._table.get(ORGANIZATION), "accounts"), self._percent) if self._percent else None

    def set_organization(self, accounts: int) -> None:
        """Store how many accounts the organization has."""
        self._table.put({**ORGANIZATION, "accounts": {"N": str(accounts)}})

    def granted(self, unit: str, now: datetime) -> int:
        """New connections of the unit in this hour and the one before."""
        return sum(self._granted_in(unit, hour) for hour in hours(now))

    def take(self, unit: str, connection: str, most: int, now: datetime) -> bool:
        """Count one new connection once, if the unit has fewer than `most`. False: it needs an approval.

        The hour before is over, so its number stays. The condition is checked when this hour's number is written, so
        a thousand at once are counted one by one.
        """
        key = item_key(COUNTED, f"{unit}#{connection}")
        if _is_valid(self._table.get(key), now):
            return True
        if not self._count(unit, most, now):
            return False
        self._table.update(key, "SET expires_at = :until", {":until": _until(now + COUNTED_FOR)})
        return True

    def counted(self, unit: str, now: datetime) -> frozenset[str]:
        """The connections that were counted not long ago: they are not counted again."""
        values = {":counted": {"S": COUNTED}, ":unit": {"S": f"{unit}#"}}
        found = self._table.query("pk = :counted AND begins_with(sk, :unit)", values)
        return frozenset(item["sk"]["S"].removeprefix(f"{unit}#") for item in found if _is_valid(item, now))

    def _count(self, unit: str, most: int, now: datetime) -> bool:
        """Add one to this hour's number, unless the limit is reached."""
        hour, before = hours(now)
        free = most - self._granted_in(unit, before)
        values = {
            ":one": {"N": "1"},
            ":free": {"N": str(free)},
            ":number": {"S": "N"},  # of a malformed number nothing is left
            ":until": _until(now + COUNTED_FOR),
        }
        return free > 0 and self._table.update(
            item_key(BUDGET, f"{unit}#{hour}"),
            "SET expires_at = :until ADD granted :one",
            values,
            condition="attribute_not_exists(granted) OR attribute_type(granted, :number) AND granted < :free",
        )

    def is_approved(self, unit: str, connection: str, now: datetime) -> bool:
        """Whether people approved that this unit's tag makes this connection."""
        found = self._table.get(item_key(APPROVED, connection))
        return string(found, "unit") == unit and _is_valid(found, now)

    def approved(self, now: datetime) -> Mapping[str, str]:
        """The approved connections, and for which unit."""
        found = self._table.query("pk = :approved", {":approved": {"S": APPROVED}})
        return {item["sk"]["S"]: string(item, "unit") for item in found if _is_valid(item, now)}

    def approve(self, unit: str, connections: Collection[str], now: datetime) -> None:
        """Record approved connections, for some days."""
        for each in connections:
            values = {"unit": {"S": unit}, "expires_at": _until(now + APPROVED_FOR)}
            self._table.put({**item_key(APPROVED, each), **values})

    def waiting_units(self) -> frozenset[str]:
        """The units that have, or had, a batch; not more than a sweep has time for."""
        values = {":batches": {"S": BATCHES}, ":held": {"S": HELD}}
        found = self._table.query("pk = :batches AND begins_with(sk, :held)", values)
        units = (item["sk"]["S"].removeprefix(HELD) for item in found)
        return frozenset(islice((each for each in units if UNIT.fullmatch(each)), MAX_UNITS))

    def batches(self, unit: str) -> DynamoDbApprovalBatches:
        """The batches of one unit."""
        return DynamoDbApprovalBatches(self._client, self._name, BatchKeys(BATCHES, TOKENS, unit))

    def _granted_in(self, unit: str, hour: str) -> int:
        found = self._table.get(item_key(BUDGET, f"{unit}#{hour}"))
        return _number(found, "granted", otherwise=TOO_MANY) if "granted" in found else 0


def _number(item: Item, name: str, otherwise: int = 0) -> int:
    value: Any = item.get(name)
    text = value.get("N", "") if isinstance(value, Mapping) else ""
    return int(text) if text.isdigit() else otherwise


def _is_valid(item: Item, now: datetime) -> bool:
    """Whether the item is there and has not expired: DynamoDB deletes it some days later."""
    return _number(item, "expires_at") > now.timestamp()


def _until(when: datetime) -> Any:
    return {"N": str(int(when.timestamp()))}

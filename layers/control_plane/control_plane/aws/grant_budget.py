"""The stored grant budget. Malformed items count as none (docs/decisions/0019)."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from control_plane.aws.approval_batches import BatchKeys, DynamoDbApprovalBatches
from control_plane.aws.dynamodb import Item, Table, item_key, string
from control_plane.grant_budget import hours, limit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from control_plane.ports.approvals import ApprovalBatches

BATCHES, TOKENS, APPROVED, BUDGET = "grants#batch", "grants#approval", "grants#approved", "grants#budget"
ORGANIZATION = item_key(BUDGET, "organization")
HELD = "held#"
APPROVED_FOR = timedelta(days=7)  # after it, another tag on the unit needs another approval
COUNTED_FOR = timedelta(hours=3)  # two hours count; then the item may go


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

    def take(self, unit: str, most: int, now: datetime) -> bool:
        """Count one new connection, if the unit has fewer than `most`. False: it needs an approval.

        The hour before is over, so its number stays. The condition is checked when this hour's number is written, so
        a thousand at once are counted one by one.
        """
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

    def is_approved(self, unit: str, connection: str) -> bool:
        """Whether people approved that this unit's tag makes this connection."""
        return string(self._table.get(item_key(APPROVED, connection)), "unit") == unit

    def approved(self) -> Mapping[str, str]:
        """The approved connections, and for which unit."""
        found = self._table.query("pk = :approved", {":approved": {"S": APPROVED}})
        return {item["sk"]["S"]: string(item, "unit") for item in found}

    def approve(self, unit: str, connections: Collection[str], now: datetime) -> None:
        """Record approved connections, for some days."""
        for each in connections:
            values = {"unit": {"S": unit}, "expires_at": _until(now + APPROVED_FOR)}
            self._table.put({**item_key(APPROVED, each), **values})

    def waiting_units(self) -> frozenset[str]:
        """The units that have, or had, a batch."""
        values = {":batches": {"S": BATCHES}, ":held": {"S": HELD}}
        found = self._table.query("pk = :batches AND begins_with(sk, :held)", values)
        return frozenset(item["sk"]["S"].removeprefix(HELD) for item in found)

    def batches(self, unit: str) -> "ApprovalBatches":
        """The batches of one unit."""
        return DynamoDbApprovalBatches(self._client, self._name, BatchKeys(BATCHES, TOKENS, unit))

    def _granted_in(self, unit: str, hour: str) -> int:
        return _number(self._table.get(item_key(BUDGET, f"{unit}#{hour}")), "granted")


def _number(item: Item, name: str) -> int:
    value: Any = item.get(name)
    text = value.get("N", "0") if isinstance(value, Mapping) else "0"
    return int(text) if text.isdigit() else 0


def _until(when: datetime) -> Any:
    return {"N": str(int(when.timestamp()))}

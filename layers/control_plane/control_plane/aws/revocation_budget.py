"""The stored state of the revocation budget. Each kind of item has its own partition, so that roles can be restricted.

The writer of the access policy uses it. Besides, a sweep stores what it expects, and AskForApproval stores tokens.
Malformed items are ignored (docs/decisions/0018).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from control_plane.aws.approval_batches import BATCH_ID, BatchKeys, DynamoDbApprovalBatches
from control_plane.aws.dynamodb import item_key, string, string_set
from control_plane.ports.access import ExpectedRevocations
from control_plane.revocation_budget import latest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EXPECTED = item_key("access#expected", "expected")
REVOKED = item_key("access#revoked", "revoked")


class DynamoDbRevocationBudget(DynamoDbApprovalBatches):
    """Port `RevocationBudget` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        super().__init__(client, table, BatchKeys("access#batch", "access#approval"))

    def revoked(self) -> Mapping[str, datetime]:
        """The times of recent counted revocations, by connection."""
        found = self._table.get(REVOKED).get("revoked_at", {}).get("M", {})
        read = {key: _timestamp(timestamp.get("S", "")) for key, timestamp in found.items()}
        return {key: timestamp for key, timestamp in read.items() if timestamp}

    def count(self, connections: Collection[str], now: str) -> None:
        """Record counted revocations, before they are applied. Those older than the window are dropped."""
        timestamp = datetime.fromisoformat(now)
        revoked_at = {**latest(self.revoked(), timestamp), **dict.fromkeys(connections, timestamp)}
        self._table.put(
            {**REVOKED, "revoked_at": {"M": {key: {"S": each.isoformat()} for key, each in revoked_at.items()}}}
        )

    def expected(self) -> ExpectedRevocations:
        """The revocations that a sweep announced, and people approved since, requested or not."""
        item = self._table.get(EXPECTED)
        announced, batch = string_set(item, "connections"), string(item, "approved")
        if not BATCH_ID.fullmatch(batch) or not self.is_applied(batch):
            return ExpectedRevocations(waiting=announced)
        approved = announced & frozenset(self.connections_of(batch))
        return ExpectedRevocations(announced - approved, approved)

    def expect(self, connections: Collection[str]) -> None:
        """Replace the expected connections. What was approved before is approved no longer."""
        self._table.put({**EXPECTED, **({"connections": {"SS": sorted(connections)}} if connections else {})})

    def record_applied(self, batch_id: str) -> None:
        """Record that an approved batch was applied. Those of it that are only announced yet need no other approval."""
        super().record_applied(batch_id)
        if self.expected().waiting & frozenset(self.connections_of(batch_id)):
            self._table.update(EXPECTED, "SET approved = :batch", {":batch": {"S": batch_id}})


def _timestamp(text: str) -> datetime | None:
    """A time as we write it; None when it is malformed."""
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return timestamp if timestamp.tzinfo else None

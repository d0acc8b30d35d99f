"""The stored state of the revocation budget. Each kind of item has its own partition, so that roles can be restricted.

The writer of the access policy uses it. Besides, a sweep stores what it expects, and AskForApproval stores tokens.
Malformed items are ignored (docs/decisions/0018).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from control_plane.aws.approval_batches import BatchKeys, DynamoDbApprovalBatches
from control_plane.aws.dynamodb import item_key, string_set
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

    def expected(self) -> frozenset[str]:
        """Connections whose revocation has to wait for approval as soon as it is requested."""
        return string_set(self._table.get(EXPECTED), "connections")

    def expect(self, connections: Collection[str]) -> None:
        """Replace the expected connections."""
        self._table.put({**EXPECTED, **({"connections": {"SS": sorted(connections)}} if connections else {})})

    def record_applied(self, batch_id: str) -> None:
        """Record that the revocations of an approved batch were applied. They are expected no longer."""
        super().record_applied(batch_id)
        applied = frozenset(self.connections_of(batch_id))
        if listed := applied & self.expected():
            self._table.update(EXPECTED, "DELETE connections :applied", {":applied": {"SS": sorted(listed)}})


def _timestamp(text: str) -> datetime | None:
    """A time as we write it; None when it is malformed."""
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return timestamp if timestamp.tzinfo else None

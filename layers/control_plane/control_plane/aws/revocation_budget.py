"""The stored state of the revocation budget. Each kind of item has its own partition, so that roles can be restricted.

The writer of the access policy uses it. Besides, a sweep stores what it expects, and AskForApproval stores tokens.
Malformed items are ignored (docs/decisions/0018).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from control_plane.aws.dynamodb import Item, Table, item_key, string, string_set
from control_plane.ports.access import ApprovalBatch
from control_plane.revocation_budget import latest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HELD = item_key("access#batch", "held")
EXPECTED = item_key("access#expected", "expected")
REVOKED = item_key("access#revoked", "revoked")
BATCH_ID = re.compile(r"[0-9]{1,15}-[0-9]{14}")
LONGEST_TOKEN = 2048  # the longest token of Step Functions


class DynamoDbRevocationBudget:
    """Port `RevocationBudget` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

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

    def held(self) -> ApprovalBatch:
        """The revocations that wait for approval; without connections when there are none."""
        return _batch(self._held())

    def hold(self, connections: Collection[str], now: str) -> ApprovalBatch | None:
        """Replace the revocations that wait. Returns the batch while its approval has not been requested yet."""
        item = self._held()
        before = _batch(item)
        if before.connections == frozenset(connections):
            return None if "approval_requested" in item or not item else self._with_replaced_token(item)
        batch_id = f"{_number(before.id) + 1}-{re.sub('[^0-9]', '', now)[:14]}"
        listed: Any = {"connections": {"SS": sorted(connections)}} if connections else {}
        self._table.put({**_batch_key(batch_id), **listed})
        replaced_batches = [each for each in (before.id, *_replaced(item)) if each][:2]  # at most one has a valid token
        values = {**HELD, **listed, "id": {"S": batch_id}, "since": {"S": now}}
        values |= {"replaced_tokens": {"L": [{"S": each} for each in replaced_batches]}} if replaced_batches else {}
        self._table.put(values)
        return self._with_replaced_token(values)

    def record_approval_requested(self, batch: ApprovalBatch) -> None:
        """Record that the approval of this batch was requested."""
        expression = "SET approval_requested = :yes REMOVE replaced_tokens"
        values = {":yes": {"BOOL": True}, ":id": {"S": batch.id}}
        self._table.update(HELD, expression, values, condition="id = :id")  # unless it was replaced meanwhile

    def store_token(self, batch_id: str, token: str) -> ApprovalBatch | None:
        """Store the token that approves a batch and return the batch; None when it was replaced meanwhile.

        This stores the token first and then reads the batch. The writer replaces the batch first and then reads the
        tokens. So one of the two sees the other, and no token of a replaced batch stays valid.
        """
        self._table.put({**_approval_key(batch_id), "token": {"S": token}})
        batch = self.held()
        return batch if batch.id == batch_id and batch.connections else None

    def connections_of(self, batch_id: str) -> Sequence[str]:
        """The connections of a batch in order, whether they still wait or not."""
        return sorted(string_set(self._table.get(_batch_key(batch_id)), "connections"))

    def record_applied(self, batch_id: str) -> None:
        """Record that the revocations of an approved batch were applied."""
        self._table.update(_batch_key(batch_id), "SET applied = :yes", {":yes": {"BOOL": True}})
        applied = frozenset(self.connections_of(batch_id))
        if listed := applied & self.expected():
            self._table.update(EXPECTED, "DELETE connections :applied", {":applied": {"SS": sorted(listed)}})

    def is_applied(self, batch_id: str) -> bool:
        """Whether they were applied."""
        return "applied" in self._table.get(_batch_key(batch_id))

    def _held(self) -> Item:
        """The item of the batch that waits; empty when its id is malformed, for such a batch can't be approved."""
        item = self._table.get(HELD)
        return item if BATCH_ID.fullmatch(string(item, "id")) else {}

    def _with_replaced_token(self, item: Item) -> ApprovalBatch:
        """The batch with the token of the batch before it."""
        tokens = (self._token(each) for each in _replaced(item))
        return replace(_batch(item), replaced_token=next(filter(None, tokens), ""))

    def _token(self, batch_id: str) -> str:
        token = string(self._table.get(_approval_key(batch_id)), "token")
        return token if len(token) <= LONGEST_TOKEN else ""


def _batch_key(batch_id: str) -> Any:
    return item_key("access#batch", f"batch#{batch_id}")


def _approval_key(batch_id: str) -> Any:
    return item_key("access#approval", batch_id)


def _batch(item: Item) -> ApprovalBatch:
    return ApprovalBatch(string(item, "id"), string_set(item, "connections"))


def _replaced(item: Item) -> list[str]:
    """The batches whose tokens may have to be invalidated, the latest first."""
    named = [each.get("S", "") for each in item.get("replaced_tokens", {}).get("L", [])]
    return [each for each in named if BATCH_ID.fullmatch(each)]


def _number(batch_id: str) -> int:
    """The number in a batch's id: batches are counted."""
    return int(batch_id.partition("-")[0] or 0)


def _timestamp(text: str) -> datetime | None:
    """A time as we write it; None when it is malformed."""
    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return timestamp if timestamp.tzinfo else None

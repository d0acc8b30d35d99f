"""The stored batches that people approve. Malformed items are ignored (docs/decisions/0019)."""

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from control_plane.aws.dynamodb import Item, Table, item_key, string, string_set
from control_plane.ports.approvals import ApprovalBatch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_ID = re.compile(r"[0-9]{1,15}-[0-9]{14}")
LONGEST_TOKEN = 2048  # the longest token of Step Functions


class BatchKeys(NamedTuple):
    """Where the batches of one subject are stored: the partitions of batches and of tokens, and the subject's name."""

    batches: str
    tokens: str
    subject: str = ""

    @property
    def held(self) -> Any:
        """The key of the batch that waits."""
        return item_key(self.batches, "#".join(filter(None, ("held", self.subject))))

    def batch(self, batch_id: str) -> Any:
        """The key of one batch."""
        return item_key(self.batches, "#".join(filter(None, ("batch", self.subject, batch_id))))

    def token(self, batch_id: str) -> Any:
        """The key of the token that approves a batch."""
        return item_key(self.tokens, "#".join(filter(None, (self.subject, batch_id))))


class DynamoDbApprovalBatches:
    """Port `ApprovalBatches` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, keys: BatchKeys) -> None:
        self._table, self._keys = Table(client, table), keys

    def held(self) -> ApprovalBatch:
        """The connections that wait for approval; without connections when there are none."""
        return _batch(self._held())

    def hold(self, connections: Collection[str], now: str) -> ApprovalBatch | None:
        """Replace the connections that wait. Returns the batch while its approval has not been requested yet."""
        item = self._held()
        before = _batch(item)
        if before.connections == frozenset(connections):
            return None if "approval_requested" in item or not item else self._with_replaced_token(item)
        batch_id = f"{_number(before.id) + 1}-{re.sub('[^0-9]', '', now)[:14]}"
        listed: Any = {"connections": {"SS": sorted(connections)}} if connections else {}
        self._table.put({**self._keys.batch(batch_id), **listed})
        replaced_batches = [each for each in (before.id, *_replaced(item)) if each][:2]  # at most one has a valid token
        values = {**self._keys.held, **listed, "id": {"S": batch_id}, "since": {"S": now}}
        values |= {"replaced_tokens": {"L": [{"S": each} for each in replaced_batches]}} if replaced_batches else {}
        self._table.put(values)
        return self._with_replaced_token(values)

    def record_approval_requested(self, batch: ApprovalBatch) -> None:
        """Record that the approval of this batch was requested."""
        expression = "SET approval_requested = :yes REMOVE replaced_tokens"
        values = {":yes": {"BOOL": True}, ":id": {"S": batch.id}}
        self._table.update(self._keys.held, expression, values, condition="id = :id")  # unless it was replaced

    def store_token(self, batch_id: str, token: str) -> ApprovalBatch | None:
        """Store the token that approves a batch and return the batch; None when it was replaced meanwhile.

        This stores the token first and then reads the batch. Who replaces the batch does that first and then reads the
        tokens. So one of the two sees the other, and no token of a replaced batch stays valid.
        """
        self._table.put({**self._keys.token(batch_id), "token": {"S": token}})
        batch = self.held()
        return batch if batch.id == batch_id and batch.connections else None

    def connections_of(self, batch_id: str) -> Sequence[str]:
        """The connections of a batch in order, whether they still wait or not."""
        return sorted(string_set(self._table.get(self._keys.batch(batch_id)), "connections"))

    def record_applied(self, batch_id: str) -> None:
        """Record that an approved batch was applied."""
        self._table.update(self._keys.batch(batch_id), "SET applied = :yes", {":yes": {"BOOL": True}})

    def is_applied(self, batch_id: str) -> bool:
        """Whether it was applied."""
        return "applied" in self._table.get(self._keys.batch(batch_id))

    def token_of(self, batch_id: str) -> str:
        """The token that approves a batch; empty while nobody was asked about it."""
        token = string(self._table.get(self._keys.token(batch_id)), "token")
        return token if len(token) <= LONGEST_TOKEN else ""

    def _held(self) -> Item:
        """The item of the batch that waits; empty when its id is malformed, for such a batch can't be approved."""
        item = self._table.get(self._keys.held)
        return item if BATCH_ID.fullmatch(string(item, "id")) else {}

    def _with_replaced_token(self, item: Item) -> ApprovalBatch:
        """The batch with the token of the batch before it."""
        tokens = (self.token_of(each) for each in _replaced(item))
        return _batch(item)._replace(replaced_token=next(filter(None, tokens), ""))


def _batch(item: Item) -> ApprovalBatch:
    return ApprovalBatch(string(item, "id"), string_set(item, "connections"))


def _replaced(item: Item) -> list[str]:
    """The batches whose tokens may have to be invalidated, the latest first."""
    named = [each.get("S", "") for each in item.get("replaced_tokens", {}).get("L", [])]
    return [each for each in named if BATCH_ID.fullmatch(each)]


def _number(batch_id: str) -> int:
    """The number in a batch's id: batches are counted."""
    return int(batch_id.partition("-")[0] or 0)

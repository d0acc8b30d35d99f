"""The queue of stack set changes in the registry table, under pk `stackset#<name>`."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ValidationError

from control_plane.aws.dynamodb import Item, Table, item_key, string
from control_plane.ports.stack_set_queue import Batch, ChangeKind, QueuedChange, QueueState, Rollout
from control_plane.text import SHORT, bounded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHANGE = "change#"
BATCH, ROLLOUT, OPERATOR, STOP, RESUME = "batch", "rollout", "operator", "stop", "resume"

logger = Logger(child=True)


class DynamoDbStackSetQueue:
    """Port `StackSetQueue` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def enqueue(self, stack_set: str, change: QueuedChange) -> None:
        """Store the account's change; it replaces the one before."""
        self._table.put(
            {
                **item_key(_partition(stack_set), f"{CHANGE}{change.account_id}"),
                "value": {"S": change.model_dump_json()},
                "token": {"S": change.token},
            }
        )

    def read(self, stack_set: str) -> QueueState:
        """The whole queue, read consistently. Malformed items are deleted."""
        return self._state(stack_set, self._parsed)

    def shown(self, stack_set: str) -> QueueState:
        """The whole queue as people see it, who may not write it. Malformed items are left out."""
        return self._state(stack_set, _valid)

    def _state(self, stack_set: str, parsed: Callable[[Item, type[BaseModel]], Any]) -> QueueState:
        items = {
            item["sk"]["S"]: item for item in self._table.query("pk = :queue", {":queue": {"S": _partition(stack_set)}})
        }
        changes = [parsed(item, QueuedChange) for key, item in items.items() if key.startswith(CHANGE)]
        rollout = parsed(items[ROLLOUT], Rollout) if ROLLOUT in items else None
        return QueueState(
            changes=tuple(each for each in changes if each),
            batch=parsed(items[BATCH], Batch) if BATCH in items else None,
            rollout=(rollout or Rollout()).after(string(items.get(RESUME, {}), "since")),
            last_kind=_kind(items.get(ROLLOUT, {})),
            stopped=_why_stopped(items.get(STOP, {})),
        )

    def batch(self, stack_set: str) -> Batch | None:
        """The batch of the operation that runs, if any; None for a malformed item."""
        try:
            return Batch.model_validate_json(string(self._table.get(item_key(_partition(stack_set), BATCH)), "value"))
        except ValidationError:
            return None

    def remove(self, stack_set: str, change: QueuedChange) -> None:
        """Delete a change, unless it was replaced meanwhile."""
        key = item_key(_partition(stack_set), f"{CHANGE}{change.account_id}")
        self._table.delete(key, "#token = :token", {":token": {"S": change.token}}, {"#token": "token"})

    def begin_batch(self, stack_set: str, batch: Batch) -> bool:
        """Store the batch before its operation is started; False when there is another batch."""
        return self._table.update(
            item_key(_partition(stack_set), BATCH),
            "SET #value = :value, operation_id = :operation",
            {":value": {"S": batch.model_dump_json()}, ":operation": {"S": batch.operation_id}},
            condition="attribute_not_exists(pk)",
            names={"#value": "value"},
        )

    def end_batch(self, stack_set: str, batch: Batch, rollout: Rollout) -> None:
        """Delete the batch, unless there is another one by now, and store how far its version got."""
        self._table.put(
            {
                **item_key(_partition(stack_set), ROLLOUT),
                "value": {"S": rollout.model_dump_json()},
                "last_kind": {"S": batch.kind.value},
            }
        )
        key = item_key(_partition(stack_set), BATCH)
        self._table.delete(key, "operation_id = :operation", {":operation": {"S": batch.operation_id}})

    def stop(self, stack_set: str, why: str, now: str) -> None:
        """Let the operator deploy nothing, until it is resumed. Removals go on."""
        self._table.put({**item_key(_partition(stack_set), STOP), "reason": {"S": why}, "since": {"S": now}})

    def stopped(self, stack_set: str) -> str:
        """Why a person stopped all deployments; empty: nobody did."""
        return _why_stopped(self._table.get(item_key(_partition(stack_set), STOP)))

    def resume(self, stack_set: str, now: str) -> None:
        """Let the operator deploy again. What failed before says nothing any more, also if it is stored later.

        It has an item of its own: the operator stores how far a version got, and may do so at this very moment.
        """
        self._table.put({**item_key(_partition(stack_set), RESUME), "since": {"S": now}})
        self._table.delete(item_key(_partition(stack_set), STOP))

    def epoch(self, stack_set: str) -> int:
        """The number of the operator that works, or is to work, on the queue."""
        return _number(self._table.get(item_key(_partition(stack_set), OPERATOR)))

    def next_epoch(self, stack_set: str, epoch: int, now: str) -> int:
        """Replace this operator's number. It counts from the time in seconds, so none is used twice."""
        key = item_key(_partition(stack_set), OPERATOR)
        found = self._table.get(key)
        if _number(found) != epoch:
            return _number(found)
        following = max(epoch + 1, int(datetime.fromisoformat(now).timestamp()))
        before = {":before": found["epoch"]} if "epoch" in found else {}
        replaced = self._table.update(
            key,
            "SET epoch = :following",
            {":following": {"N": str(following)}, **before},
            condition="epoch = :before" if before else "attribute_not_exists(epoch)",
        )
        return following if replaced else self.epoch(stack_set)

    def _parsed(self, item: Item, model: type[BaseModel]) -> Any:
        """An item's value; None for a malformed one, which is deleted."""
        value = _valid(item, model)
        if value is None:
            why = bounded(string(item, "value"), SHORT)
            logger.warning("deleted a malformed item", extra={"item": item["sk"]["S"], "value": why})
            self._table.delete({"pk": item["pk"], "sk": item["sk"]})
        return value


def _valid(item: Item, model: type[BaseModel]) -> Any:
    """An item's value; None for a malformed one. Its key says which account it is about."""
    try:
        value = model.model_validate_json(string(item, "value"))
    except ValidationError:
        return None
    is_elsewhere = isinstance(value, QueuedChange) and item["sk"]["S"] != f"{CHANGE}{value.account_id}"
    return None if is_elsewhere else value


def _partition(stack_set: str) -> str:
    return f"stackset#{stack_set}"


def _why_stopped(item: Item) -> str:
    """Why a person stopped the deployments; empty when there is no such item."""
    return (string(item, "reason") or "no reason given") if item else ""


def _kind(item: Item) -> ChangeKind | None:
    name = string(item, "last_kind")
    return ChangeKind(name) if name in set(ChangeKind) else None


def _number(item: Item) -> int:
    """The operator's number; 0 when there is none, or what is there is no count."""
    found: Any = item.get("epoch", {})
    text = found.get("N", "")
    return int(text) if text.isdigit() else 0

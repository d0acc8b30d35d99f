"""Count DynamoDB's write units as AWS bills them: by the size of the item, and once more for the index it is in.

Rules: DynamoDB developer guide, "Write operation consumption" and "Global secondary indexes". A write takes one unit
for each started KB of the item, before or after, whichever is larger. In an index a changed key takes two writes,
because the old entry is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from moto.dynamodb.models import dynamodb_backends

if TYPE_CHECKING:
    from sandbox.aws.gateway import Call, Gateway

WRITES = ("PutItem", "UpdateItem", "DeleteItem")
UNIT_BYTES = 1024
INDEX_KEY = ("unsettled", "updated")  # template.yaml, RegistryTable


class Item(NamedTuple):
    """An item's size, and its key in the index (None: it is not in it)."""

    size: int = 0
    index_key: tuple[Any, ...] | None = None


class WriteUnits:
    """Watches every write of one role's name, from when it is made. `total`: the units so far."""

    def __init__(self, gateway: Gateway, role: str) -> None:
        self.total = 0
        self._role = role
        self._found = Item()
        gateway.before.append(self._before)
        gateway.after.append(self._after)

    def _is_counted(self, call: Call) -> bool:
        return call.service == "dynamodb" and call.operation in WRITES and self._role in call.session.principal.arn

    def _before(self, call: Call) -> None:
        if self._is_counted(call):
            self._found = _item(call)

    def _after(self, call: Call, _outcome: str) -> None:
        if self._is_counted(call):
            self.total += units(self._found, _item(call))


def units(before: Item, after: Item) -> int:
    """The units of one write, the index included."""
    each = max(1, -(-max(before.size, after.size) // UNIT_BYTES))
    entries = {before.index_key, after.index_key} - {None}
    return each * (1 + len(entries))


def _item(call: Call) -> Item:
    table = dynamodb_backends[call.account][call.region].get_table(call.parameters["TableName"])
    given = call.parameters.get("Key") or call.parameters["Item"]
    item = dynamodb_backends[call.account][call.region].get_item(
        table.name, {name: given[name] for name in (table.hash_key_attr, table.range_key_attr)}
    )
    if item is None:
        return Item()
    key = tuple(item.attrs[name].value for name in INDEX_KEY if name in item.attrs)
    return Item(item.size(), key if len(key) == len(INDEX_KEY) else None)

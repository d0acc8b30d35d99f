"""Read items of the registry, whatever they contain. A malformed attribute counts as missing.

Only the control plane writes the table, but anybody with permission to write it could store anything. The source of
truth is elsewhere, so a malformed record must never block a reconcile: docs/decisions/0019.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from control_plane.account import AccountId, Connection
from control_plane.ports.registry import STATUSES

ACCOUNT = "account#"
CONNECTION = "connection#"
CLAIM = "claim"
KEY_LENGTH, ANOMALY_LENGTH = 60, 200  # characters shown to people: of a key, and of all anomalies of its item
MOMENTS = ("remove_after", "since", "updated")
MAX_COUNT = 10**15  # the highest generation ReconcileAccount accepts; JSONata would round a higher one

_ACCOUNT_ID: TypeAdapter[str] = TypeAdapter(AccountId)
Item = Mapping[str, Any]


def connection_of(item: Item) -> Connection | None:
    """The connection of an item, by its key; None when the item is not a connection's."""
    account_id, sort_key = account_of(item), text(item, "sk")
    if account_id is None or not sort_key.startswith(CONNECTION):
        return None
    try:
        return Connection(account_id=account_id, profile=sort_key.removeprefix(CONNECTION))
    except ValidationError:
        return None


def account_of(item: Item) -> str | None:
    """The account of a record or claim, by its key; None when the item is not an account's."""
    partition = text(item, "pk")
    account_id = partition.removeprefix(ACCOUNT)
    try:
        return _ACCOUNT_ID.validate_python(account_id) if partition.startswith(ACCOUNT) else None
    except ValidationError:
        return None


def is_claim(item: Item) -> bool:
    """Whether the item is an account's claim."""
    return account_of(item) is not None and text(item, "sk") == CLAIM


def text(item: Item, name: str) -> str:
    """A string attribute; empty when it is missing or not a string."""
    value = item.get(name)
    return str(value["S"]) if isinstance(value, Mapping) and "S" in value else ""


def moment(item: Item, name: str) -> datetime | None:
    """An attribute that is a time with a time zone; None when it is missing or malformed."""
    try:
        found = datetime.fromisoformat(text(item, name))
        # A time near the limits of Python's range can't be used in calculations.
        return found.astimezone(UTC) if found.tzinfo and 100 < found.year < 9900 else None
    except (ValueError, OverflowError):
        return None


def count(item: Item, name: str) -> int:
    """An attribute that is a count, such as a claim's generation; 0 when it is missing or malformed."""
    value = item.get(name)
    written = str(value.get("N", "")) if isinstance(value, Mapping) else ""
    return int(written) if written.isascii() and written.isdecimal() and len(written) <= len(str(MAX_COUNT)) else 0


def anomalies(item: Item) -> Iterator[str]:
    """How an item of an account differs from what the control plane writes, as text."""
    connection = connection_of(item)
    if account_of(item) is None:
        yield "its pk has no account id"
    elif connection is None and not is_claim(item):
        yield "its sk is neither a claim nor a connection"
    if connection is not None and text(item, "status") not in STATUSES:
        yield "its status is not valid"
    yield from (f"its {name} is not a time" for name in MOMENTS if name in item and moment(item, name) is None)
    if "generation" in item and count(item, "generation") == 0:
        yield "its generation is not a count"
    if "holder" in item and ":execution:ReconcileAccount:" not in text(item, "holder"):
        yield "its holder is not an execution"


def anomaly(item: Item) -> str:
    """The key of a malformed item and its anomalies, as short text; empty when it has none."""
    found = "; ".join(anomalies(item))
    return f"{_shown(item, 'pk')} {_shown(item, 'sk')}: {found}"[:ANOMALY_LENGTH] if found else ""


def _shown(item: Item, name: str) -> str:
    """A key in printable characters, cut."""
    return ascii(text(item, name)[:KEY_LENGTH])[1:-1][:KEY_LENGTH]

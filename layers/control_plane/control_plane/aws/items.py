"""What an item of the registry says, whatever somebody wrote into it: what can't be read counts as not there.

Nobody but the control plane writes the table, but whoever may write it could write anything, and what is asked for is
read elsewhere. So a record can be odd, never an obstacle: docs/decisions/0019.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from control_plane.account import AccountId, Connection
from control_plane.ports import STATUSES

ACCOUNT = "account#"
CONNECTION = "connection#"
CLAIM = "claim"
SAID, TOLD = 60, 200  # characters of a key, and of all that is odd about its item, that people are shown
MOMENTS = ("remove_after", "since", "updated")
MOST = 10**15  # of a generation: what ReconcileAccount takes for a count; beyond it JSONata would round

_ACCOUNT_ID: TypeAdapter[str] = TypeAdapter(AccountId)
Item = Mapping[str, Any]


def key_of(item: Item) -> Connection | None:
    """The connection whose record an item is, by its key; None when it is no connection's."""
    account_id, sort_key = account_of(item), text(item, "sk")
    if account_id is None or not sort_key.startswith(CONNECTION):
        return None
    try:
        return Connection(account_id=account_id, profile=sort_key.removeprefix(CONNECTION))
    except ValidationError:
        return None


def account_of(item: Item) -> str | None:
    """The account whose record or claim an item is, by its key; None when it is no account's."""
    partition = text(item, "pk")
    account_id = partition.removeprefix(ACCOUNT)
    try:
        return _ACCOUNT_ID.validate_python(account_id) if partition.startswith(ACCOUNT) else None
    except ValidationError:
        return None


def is_claim(item: Item) -> bool:
    """Whether it is an account's claim."""
    return account_of(item) is not None and text(item, "sk") == CLAIM


def text(item: Item, name: str) -> str:
    """An attribute that is a string; empty when it is none."""
    value = item.get(name)
    return str(value["S"]) if isinstance(value, Mapping) and "S" in value else ""


def moment(item: Item, name: str) -> datetime | None:
    """An attribute that is a moment, with its time zone; None when it is none."""
    try:
        found = datetime.fromisoformat(text(item, name))
        # A moment that no other can be compared with or counted from is none.
        return found.astimezone(UTC) if found.tzinfo and 100 < found.year < 9900 else None
    except (ValueError, OverflowError):
        return None


def count(item: Item, name: str) -> int:
    """An attribute that counts something, as a claim's generation does; 0 when it is no count."""
    value = item.get(name)
    written = str(value.get("N", "")) if isinstance(value, Mapping) else ""
    return int(written) if written.isascii() and written.isdecimal() and len(written) <= len(str(MOST)) else 0


def oddities(item: Item) -> Iterator[str]:
    """How an item of an account differs from what is ever written there, in words."""
    connection = key_of(item)
    if account_of(item) is None:
        yield "its pk has no account's id"
    elif connection is None and not is_claim(item):
        yield "its sk is neither a claim nor a connection"
    if connection is not None and text(item, "status") not in STATUSES:
        yield "its status is none"
    yield from (f"its {name} is no moment" for name in MOMENTS if name in item and moment(item, name) is None)
    if "generation" in item and count(item, "generation") == 0:
        yield "its generation is no count"
    if "holder" in item and ":execution:ReconcileAccount:" not in text(item, "holder"):
        yield "its holder is no execution"


def oddity(item: Item) -> str:
    """An odd item's key and what is odd, for people, in short; empty when nothing is."""
    found = "; ".join(oddities(item))
    return f"{_said(item, 'pk')} {_said(item, 'sk')}: {found}"[:TOLD] if found else ""


def _said(item: Item, name: str) -> str:
    """A key in printable characters, in short."""
    return ascii(text(item, name)[:SAID])[1:-1][:SAID]

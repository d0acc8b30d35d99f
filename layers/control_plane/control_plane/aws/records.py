"""Read items of the registry as records, whatever they contain. A malformed attribute counts as missing.

Only the control plane writes the table, but anybody with permission to write it could store anything. The source of
truth is elsewhere, so a malformed record must never block a reconcile: docs/decisions/0019.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from control_plane.account import AccountId, Connection
from control_plane.aws.dynamodb import Item, string
from control_plane.ports.registry import STATUSES, Record
from control_plane.text import LONGEST, bounded

ACCOUNT = "account#"
CONNECTION = "connection#"
CLAIM = "claim"
KEY_LENGTH, ANOMALY_LENGTH = 60, 200  # characters shown to people: of a key, and of all anomalies of its item
TIMES = ("remove_after", "since", "updated", "proof_at")
MAX_COUNT = 10**15  # the highest generation ReconcileAccount accepts; JSONata would round a higher one

NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # for items that do not say when they were written
# The attributes of a record that are plain text.
TEXTS = (
    "status",
    "reason",
    "step",
    "error",
    "cause",
    "remedy",
    "proof",
    "proven_legs",
    "proof_finding",
    "account_name",
    "data_source_id",
    "consumer_role_arn",
    "run_as_role_arn",
    "consumer_role_version",
    "dependents",
    "finding",
    "holder",
    "event",
    "event_by",
    "event_at",
    "requeue_requested",
    "requested_by",
)

_ACCOUNT_ID: TypeAdapter[str] = TypeAdapter(AccountId)


def read(item: Item) -> Record | None:
    """An item as a record or a claim; None when its key is neither."""
    connection = connection_of(item)
    if connection is None and not is_claim(item):
        return None
    return Record(
        account_id=account_of(item) or "",
        profile=connection.profile if connection else None,
        since=time_of(item, "since"),
        updated=updated(item),
        remove_after=time_of(item, "remove_after"),
        proof_at=time_of(item, "proof_at"),
        generation=count(item, "generation"),
        retained=bounded(string(item, "retained"), LONGEST),  # it is carried through the state machine
        instance_retained="instance_retained" in item,
        claimed="holder" in item,
        requeue_requests=count(item, "requeue_requests"),
        anomaly=anomaly(item),
        **{name: string(item, name) for name in TEXTS},
    )


def read_or_anomaly(item: Item) -> Record:
    """An item as a record or a claim; of another item only what is malformed about it."""
    return read(item) or Record(anomaly=anomaly(item))


def updated(item: Item) -> str:
    """When an item was written last. One that does not say counts as old, so that it is reconciled."""
    return string(item, "updated") if time_of(item, "updated") else NEVER.isoformat()


def connection_of(item: Item) -> Connection | None:
    """The connection of an item, by its key; None when the item is not a connection's."""
    account_id, sort_key = account_of(item), string(item, "sk")
    if account_id is None or not sort_key.startswith(CONNECTION):
        return None
    try:
        return Connection(account_id=account_id, profile=sort_key.removeprefix(CONNECTION))
    except ValidationError:
        return None


def account_of(item: Item) -> str | None:
    """The account of a record or claim, by its key; None when the item is not an account's."""
    partition = string(item, "pk")
    account_id = partition.removeprefix(ACCOUNT)
    try:
        return _ACCOUNT_ID.validate_python(account_id) if partition.startswith(ACCOUNT) else None
    except ValidationError:
        return None


def is_claim(item: Item) -> bool:
    """Whether the item is an account's claim."""
    return account_of(item) is not None and string(item, "sk") == CLAIM


def time_of(item: Item, name: str) -> datetime | None:
    """An attribute that is a time with a time zone; None when it is missing or malformed."""
    try:
        found = datetime.fromisoformat(string(item, name))
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
    if connection is not None and string(item, "status") not in STATUSES:
        yield "its status is not valid"
    yield from (f"its {name} is not a time" for name in TIMES if name in item and time_of(item, name) is None)
    if "generation" in item and count(item, "generation") == 0:
        yield "its generation is not a count"
    if "holder" in item and ":execution:ReconcileAccount:" not in string(item, "holder"):
        yield "its holder is not an execution"


def anomaly(item: Item) -> str:
    """The key of a malformed item and its anomalies, as short text; empty when it has none."""
    found = "; ".join(anomalies(item))
    return f"{_shown(item, 'pk')} {_shown(item, 'sk')}: {found}"[:ANOMALY_LENGTH] if found else ""


def _shown(item: Item, name: str) -> str:
    """A key in printable characters, cut."""
    return ascii(string(item, name)[:KEY_LENGTH])[1:-1][:KEY_LENGTH]

"""The access ledger: pending changes and the writer's lease. Each kind of item has its own partition.

Only the key of an item and attributes of the expected type are believed: see docs/decisions/0018.
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from control_plane.account import MAX_RUN_AS_ROLES, Connection
from control_plane.aws.dynamodb import Item, Table, item_key, string
from control_plane.ports.access import NO_VERSION, AccessChange, LastWrite, PendingChange, PendingChanges, RefusedChange
from control_plane.revocation_budget import OLDEST_CALL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = timedelta(seconds=90)  # longer than the timeout of the writing function, so a running writer never loses it
READ_LAG = timedelta(minutes=5)  # a version we wrote and can't read after that was deleted, not delayed
PENDING = "access#pending"
LEASE_KEY = item_key("access#lease", "lease")
ELECTION_KEY = item_key("access#lease", "election")
ELECTED_FOR = timedelta(minutes=1)  # in which an elected writer begins: it waits a few seconds for others
MAX_DISCARDED = 100  # malformed items that one writer deletes; the next writer deletes more
LAST = "~"  # sorts after every time
CHANGE = ("allow", "counted", "generation", "run_as_role")  # the attributes of a change, besides its key
CHANGES = re.compile(r"[0-9]{1,6}")
GENERATION = re.compile(r"[0-9]{1,15}")
RUN_AS_ROLES = [str(number) for number in range(1, MAX_RUN_AS_ROLES + 1)]
VERSION = re.compile(r"[A-Za-z0-9]+/v[0-9]{1,9}")


class DynamoDbLedger:
    """Port `AccessLedger` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def enqueue(self, change: AccessChange, now: str, token: str = "") -> None:
        """Store one change, unless there is one of a later generation; it replaces an earlier one."""
        self._table.update(
            item_key(PENDING, change.connection.key),
            # A change that waits already keeps its place in the queue.
            "SET allow = :allow, counted = :counted, generation = :generation, run_as_role = :run_as_role,"
            " requested_at = if_not_exists(requested_at, :now), task_token = :token",
            {
                ":token": {"S": token},
                ":allow": {"BOOL": change.allow},
                ":counted": {"BOOL": change.counted},
                ":generation": {"N": str(change.generation)},
                ":run_as_role": {"N": str(change.run_as_role)},
                ":number": {"S": "N"},
                ":now": {"S": _after(now)},
            },
            # An item without a generation is malformed, and must not block a change.
            condition="NOT attribute_type(generation, :number) OR generation <= :generation",
        )

    def elect(self, now: str) -> bool:
        """Whether the caller is the one to write next. A writer that did not begin within a minute is replaced."""
        return self._table.update(
            ELECTION_KEY,
            "SET elected_at = :now",
            {
                ":now": {"S": _after(now)},
                ":late": {"S": _after(now, -ELECTED_FOR)},
                ":longest": {"S": _after(now, OLDEST_CALL)},
                ":string": {"S": "S"},
            },
            condition=(
                "attribute_not_exists(elected_at) OR NOT attribute_type(elected_at, :string) "
                "OR elected_at < :late OR elected_at > :longest"
            ),
        )

    def end_election(self) -> None:
        """The next writer begins. What is enqueued from now on needs another one."""
        self._table.update(ELECTION_KEY, "REMOVE elected_at", None)

    def pending(self) -> PendingChanges:
        """All changes that are requested and not applied."""
        found = [_read(item) for item in self._table.query("pk = :pending", {":pending": {"S": PENDING}})]
        return PendingChanges(
            changes=tuple(each for each in found if isinstance(each, PendingChange)),
            refused=tuple(each for each in found if isinstance(each, RefusedChange)),
        )

    def remove_applied(self, changes: Collection[PendingChange]) -> None:
        """Delete changes that are applied, unless they were replaced meanwhile."""
        for each in changes:
            values = {"generation": {"N": str(each.change.generation)}, "allow": {"BOOL": each.change.allow}}
            self._delete(each.key, values)  # one attempt may allow access and then roll it back

    def discard(self, changes: Collection[RefusedChange]) -> None:
        """Delete malformed items, unless they were replaced meanwhile: a new change has other values."""
        for each in list(changes)[:MAX_DISCARDED]:
            self._delete(each.key, each.values)

    def acquire(self, holder: str, now: str) -> bool:
        """Take the writer's lease; False while another writer has it. An expired lease is taken over.

        So is a lease without an expiry, or with one later than any writer sets: no writer stored it.
        """
        return self._table.update(
            LEASE_KEY,
            "SET holder = :holder, expires = :expires",
            {
                ":holder": {"S": holder},
                ":expires": {"S": _after(now, LEASE)},
                ":now": {"S": _after(now)},
                ":longest": {"S": _after(now, LEASE + OLDEST_CALL)},
                ":string": {"S": "S"},
            },
            condition=(
                "attribute_not_exists(holder) OR holder = :holder OR NOT attribute_type(expires, :string) "
                "OR expires < :now OR expires > :longest"
            ),
        )

    def holds(self, holder: str) -> bool:
        """Whether that holder still has the lease, read consistently."""
        return string(self._table.get(LEASE_KEY), "holder") == holder

    def recent_versions(self, now: str) -> Mapping[str, str]:
        """The versions that recent writers wrote, by shard name: IAM may still return older ones."""
        lease = self._table.get(LEASE_KEY)
        if _recent_write(lease, now) is None:
            return {}
        found = {name: version.get("S") for name, version in lease.get("versions", {}).get("M", {}).items()}
        return {name: each for name, each in found.items() if each == NO_VERSION or VERSION.fullmatch(each or "-")}

    def last_write(self, now: str) -> LastWrite | None:
        """The last write of the policy; None when that is long ago, or not known."""
        lease = self._table.get(LEASE_KEY)
        at, changes = _recent_write(lease, now), lease.get("changes", {}).get("N", "")
        return LastWrite(at, int(changes) if CHANGES.fullmatch(changes) else 1) if at else None

    def release(self, holder: str, versions: Mapping[str, str], now: str, changes: int = 1) -> None:
        """Give the lease back and record what was written; nothing when another writer took it over meanwhile."""
        known = {**self.recent_versions(now), **versions}
        self._table.update(
            LEASE_KEY,
            "REMOVE holder, expires SET versions = :versions"
            + (", versions_at = :now, changes = :changes" if versions else ""),
            {
                ":holder": {"S": holder},
                ":versions": {"M": {name: {"S": version} for name, version in known.items()}},
                **({":now": {"S": _after(now)}, ":changes": {"N": str(changes)}} if versions else {}),
            },
            condition="holder = :holder",
        )

    def _delete(self, key: str, values: Mapping[str, Any]) -> None:
        """Delete a pending item if it still has these values."""
        there = {name: value for name, value in values.items() if value is not None}
        conditions = [f"{name} = :{name}" if name in there else f"attribute_not_exists({name})" for name in values]
        self._table.delete(
            item_key(PENDING, key), " AND ".join(conditions), {f":{name}": value for name, value in there.items()}
        )


def _recent_write(lease: Item, now: str) -> datetime | None:
    """The time of the last write, unless no writer of these minutes can have stored it."""
    written_at = string(lease, "versions_at")
    if not _after(now, -READ_LAG) <= written_at <= _after(now, OLDEST_CALL):
        return None
    try:
        return datetime.fromisoformat(written_at)
    except ValueError:
        return None


def _read(item: Item) -> PendingChange | RefusedChange:
    """A pending item as a change of the connection in its key; or what is malformed about it."""
    key = item["sk"]["S"]
    values = {name: item.get(name) for name in CHANGE}
    connection = Connection.of_key(key)
    if connection is None:
        return RefusedChange(key, "its key is not a connection of ours", values)
    allow, counted = item.get("allow", {}).get("BOOL"), item.get("counted", {"BOOL": True}).get("BOOL")
    if not isinstance(allow, bool) or not isinstance(counted, bool):
        return RefusedChange(key, "it does not say whether to allow or to revoke access", values)
    generation = item.get("generation", {}).get("N", "")
    if not GENERATION.fullmatch(generation):
        return RefusedChange(key, "its generation is not a count", values)
    run_as_role = item.get("run_as_role", {}).get("N", "1")  # an older version did not store it
    if run_as_role not in RUN_AS_ROLES:
        return RefusedChange(key, "its run-as role is not the number of one", values)
    change = AccessChange(connection, allow, int(generation), counted, int(run_as_role))
    return PendingChange(change, string(item, "requested_at") or LAST, string(item, "task_token"))


def _after(timestamp: str, delay: timedelta = timedelta()) -> str:
    """A time as comparable text: ISO 8601, UTC, microseconds."""
    return (datetime.fromisoformat(timestamp).astimezone(UTC) + delay).isoformat(timespec="microseconds")

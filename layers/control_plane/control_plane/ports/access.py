"""The access policy of the run-as roles: its shards, the changes that wait, and the revocation budget."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from control_plane.access_policy import Quota, Shard
from control_plane.account import Connection
from control_plane.ports.approvals import ApprovalBatches

NO_VERSION = ""  # the version of a shard that does not exist


class AccessChange(NamedTuple):
    """Allow or revoke one connection's entry, requested by one generation of its account's claim.

    `counted`: a revocation uses up the revocation budget. The writer verifies a claim that it does not. `run_as_role`:
    the number of the run-as role that may assume the consumer role.
    """

    connection: Connection
    allow: bool
    generation: int
    counted: bool = True
    run_as_role: int = 1


@dataclass(frozen=True)
class PendingChange:
    """A change in the ledger. `requested_at`: since when; it sorts by time. `token`: of the task that waits for it."""

    change: AccessChange
    requested_at: str
    token: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """Its connection, as `account#profile`."""
        return self.change.connection.key


@dataclass(frozen=True)
class RefusedChange:
    """A malformed item among the pending changes: its key, what is wrong, and the values that identify it."""

    key: str
    why: str
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)


class PendingChanges(NamedTuple):
    """All changes that are requested and not applied yet, and the malformed items among them."""

    changes: tuple[PendingChange, ...] = ()
    refused: tuple[RefusedChange, ...] = ()


class Shards(Protocol):
    """The shards attached to the run-as role, read-only."""

    def shards(self) -> list[Shard]:
        """The shards in force."""


class AccessPolicies(Shards, Protocol):
    """The shards attached to the run-as role, to read and write."""

    def quota(self) -> Quota:
        """IAM's quotas for this account, less the policies of others on the role as of the last call of `shards`."""

    def versions(self) -> Mapping[str, str]:
        """Version in force (policy id and number) by shard name, as of the last call of `shards`."""

    def write(self, shard: Shard) -> str:
        """Put one shard in force, or delete it when it has no entries. Returns the version now in force, or GONE."""

    def tidy(self, keep: Collection[int]) -> None:
        """Delete the remains of emptied shards, but keep the shards with these numbers."""


class LastWrite(NamedTuple):
    """When the access policy was written last, and how many changes that applied."""

    at: datetime
    changes: int


class AccessLedger(Protocol):
    """The changes that wait to be written, and the lease of the one writer. See steps/access.py."""

    def enqueue(self, change: AccessChange, now: str, token: str = "") -> None:
        """Store one change; it replaces the change of an earlier generation. `token`: of the task that waits for it."""

    def elect(self, now: str) -> bool:
        """Whether the caller is the one to write next. False: another one was elected, and has not begun to write."""

    def end_election(self) -> None:
        """The next writer begins. What is enqueued from now on needs another one."""

    def pending(self) -> PendingChanges:
        """All changes that are requested and not applied."""

    def remove_applied(self, changes: Collection[PendingChange]) -> None:
        """Delete changes that are applied, unless they were replaced meanwhile."""

    def discard(self, changes: Collection[RefusedChange]) -> None:
        """Delete malformed items, unless they were replaced meanwhile."""

    def acquire(self, holder: str, now: str) -> bool:
        """Take the writer's lease; False while another writer has it."""

    def holds(self, holder: str) -> bool:
        """Whether that holder still has the lease, read consistently."""

    def recent_versions(self, now: str) -> Mapping[str, str]:
        """The versions that recent writers wrote, by shard name: IAM may still return older ones."""

    def last_write(self, now: str) -> LastWrite | None:
        """The last write of the policy; None when that is long ago, or not known."""

    def release(self, holder: str, versions: Mapping[str, str], now: str, changes: int = 1) -> None:
        """Give the lease back and record the versions written, and how many changes they were."""


class ExpectedRevocations(NamedTuple):
    """Revocations that a sweep announced, as `account#profile`: those that wait for an approval, and those approved."""

    waiting: frozenset[str] = frozenset()
    approved: frozenset[str] = frozenset()


class RevocationBudget(ApprovalBatches, Protocol):
    """The stored state of the budget. Only the lease's holder writes it, except `expect` and `store_token`."""

    def revoked(self) -> Mapping[str, datetime]:
        """The times of recent counted revocations, by connection."""

    def count(self, connections: Collection[str], now: str) -> None:
        """Record counted revocations, before they are applied."""

    def expected(self) -> ExpectedRevocations:
        """The revocations that a sweep announced, and people approved since, requested or not."""

    def expect(self, connections: Collection[str]) -> None:
        """Replace the expected connections: a sweep found more revocations than the budget allows. Needs no lease."""


class Exemptions(Protocol):
    """Revocations that need not be counted, because nobody loses anything by them. Read from AWS."""

    def is_exempt(self, connection: Connection) -> bool:
        """Whether the account is not active in the organization, or Quick has no data source for the connection."""


class Anomalies(Protocol):
    """Items and entries that should not exist. They are counted, so that an alarm can report them."""

    def refused(self, changes: Sequence[RefusedChange]) -> None:
        """Malformed items among the pending changes."""

    def unexpected(self, entries: Sequence[str]) -> None:
        """Entries of the access policy that are not a consumer role of ours."""


class CapacityGauge(Protocol):
    """How much of the access policy's capacity is in use. It is measured, so that an alarm warns before it is full."""

    def report(self, percent: float) -> None:
        """The percentage in use now."""

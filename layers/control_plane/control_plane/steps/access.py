"""Allow the run-as role one consumer role more, or one less: many wishes, one writer, nothing dropped.

IAM has no conditional write, so two writers would undo each other. Everyone notes a wish in the ledger; whoever
gets the lease applies all wishes that wait, in one go. Whoever does not comes again, and mostly finds it done.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from control_plane.access_policy import apply
from control_plane.account import Connection, Hub
from control_plane.errors import AccessPolicyFull
from control_plane.ports import GONE, AccessLedger, AccessPolicies


@dataclass(frozen=True)
class Wish:
    """One connection's entry, wanted or not wanted, by one generation of its account's claim."""

    connection: Connection
    allow: bool
    generation: int


def external_ids(hub: Hub) -> str:
    """The ExternalIds Role A may send: those of our own data sources."""
    return f"arn:{hub.partition}:quicksight:{hub.region}:{hub.account_id}:datasource/quick-athena-*"


@dataclass(frozen=True)
class Writer:
    """Who would write, and when: an execution's name for itself and the time it entered the step."""

    holder: str
    now: str


class AccessRequest(Connection):
    """What EnsureAccess and RevokeAccess are asked: which connection, for which execution's attempt, when."""

    execution: str
    generation: int
    now: str

    def wish(self, *, allow: bool) -> Wish:
        """The entry wanted, or not wanted."""
        connection = Connection(account_id=self.account_id, profile=self.profile)
        return Wish(connection, allow, self.generation)

    @property
    def writer(self) -> Writer:
        """Two connections of one execution are two writers."""
        return Writer(f"{self.execution}#{self.profile}", self.now)


def settle(wish: Wish, hub: Hub, writer: Writer, ledger: AccessLedger, policies: AccessPolicies) -> bool:
    """Bring one wish into force. False: another writer is at work, come again. Raises AccessPolicyFull."""
    arn = wish.connection.consumer_role_arn(hub)
    ledger.ask(wish.connection, arn, allow=wish.allow, generation=wish.generation)
    if not ledger.acquire(writer.holder, writer.now):
        return False
    written: dict[str, str] = {}
    try:
        return _commit(arn, hub, writer, ledger, policies, written)
    finally:
        ledger.release(writer.holder, written, writer.now)


def _commit(
    arn: str, hub: Hub, writer: Writer, ledger: AccessLedger, policies: AccessPolicies, written: dict[str, str]
) -> bool:
    """Bring everybody's wishes into force, and then say whether there was room for this one."""
    shards, wishes = policies.shards(), ledger.pending()
    if _is_stale(policies.versions(), ledger.written(writer.now)):
        return False
    outcome = apply(shards, wishes.changes, policies.quota(), external_ids(hub))
    for shard in outcome.write:
        if not ledger.holds(writer.holder):
            return False
        written[shard.name] = policies.write(shard)
    ledger.applied(wishes)  # those without room as well: whoever wished them comes and is told
    if arn in outcome.without_room:
        raise AccessPolicyFull(
            f"no room for {arn}: the run-as role has {len(shards)} access policies, all full, "
            "as many as IAM lets a role have"
        )
    return True


def _is_stale(seen: Mapping[str, str], left: Mapping[str, str]) -> bool:
    """Whether IAM still shows a policy from before the last write; building on it would undo that write."""
    return any(_is_older(seen.get(name, GONE), version) for name, version in left.items())


def _is_older(seen: str, left: str) -> bool:
    """A policy made anew counts from one again, so numbers compare within one policy's id alone."""
    seen_id, _, seen_number = seen.partition("/v")
    left_id, _, left_number = left.partition("/v")
    return seen_id != left_id or int(seen_number or 0) < int(left_number or 0)

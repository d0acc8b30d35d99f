"""Allow the run-as role one consumer role more, or one less: many wishes, one writer, nothing dropped.

IAM has no conditional write, so two writers would undo each other. Everyone notes a wish in the ledger; whoever
gets the lease applies all wishes that wait, in one go. Whoever does not comes again, and mostly finds it done.
The brake sits here, because every revocation, whoever asks for it, passes here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from control_plane.access_policy import Changes, Shard, apply
from control_plane.account import Connection, Hub
from control_plane.brake import Verdict, sort_out
from control_plane.errors import AccessPolicyFull
from control_plane.ports import GONE, AccessLedger, AccessPolicies, Approvals, Brake, HeldPlan, Wish, Wishes


class Settled(StrEnum):
    """How it stands with a wish: in force, to be tried again soon, or waiting for approval."""

    DONE = "done"
    BUSY = "busy"
    HELD = "held"


def external_ids(hub: Hub) -> str:
    """The ExternalIds Role A may send: those of our own data sources."""
    return f"arn:{hub.partition}:quicksight:{hub.region}:{hub.account_id}:datasource/quick-athena-*"


@dataclass(frozen=True)
class Writer:
    """Who would write, and when: an execution's name for itself and the time it entered the step."""

    holder: str
    now: str


@dataclass(frozen=True)
class Desk:
    """What a writer works with."""

    hub: Hub
    ledger: AccessLedger
    policies: AccessPolicies
    brake: Brake
    approvals: Approvals


class AccessRequest(Connection):
    """What EnsureAccess and RevokeAccess are asked: which connection, for which execution's attempt, when.

    `counted`: the brake counts the revocation.
    """

    execution: str
    generation: int
    now: str
    counted: bool = True

    def wish(self, *, allow: bool) -> Wish:
        """The entry wanted, or not wanted."""
        connection = Connection(account_id=self.account_id, profile=self.profile)
        return Wish(connection, allow, self.generation, self.counted)

    @property
    def writer(self) -> Writer:
        """Two connections of one execution are two writers."""
        return Writer(f"{self.execution}#{self.profile}", self.now)


def settle(wish: Wish, writer: Writer, desk: Desk) -> Settled:
    """Bring one wish into force. Raises AccessPolicyFull."""
    arn = wish.connection.consumer_role_arn(desk.hub)
    desk.ledger.ask(wish, arn, writer.now)
    done = _with_lease(writer, desk)
    if done is None:
        return Settled.BUSY
    if arn in done.without_room:
        raise AccessPolicyFull(
            f"no room for {arn}: the run-as role's access policies are all full, and as many as IAM lets a role have"
        )
    return Settled.HELD if wish.connection.key in done.held else Settled.DONE


def release(plan_id: str, writer: Writer, desk: Desk) -> Settled:
    """Let exactly the revocations of an approved plan go. HELD: it was replaced, the new one needs its own approval."""
    if desk.brake.is_released(plan_id):
        return Settled.DONE
    done = _with_lease(writer, desk, approved=plan_id)
    if done is None:
        return Settled.BUSY
    return Settled.HELD if done.refused else Settled.DONE


@dataclass(frozen=True)
class Done:
    """What a commit left: entries without room, connections held, and whether the approval was for another plan."""

    without_room: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    refused: bool = False


def _with_lease(writer: Writer, desk: Desk, approved: str = "") -> Done | None:
    """Commit as the one writer; None when another one is at work, or IAM does not show the last one's work yet."""
    if not desk.ledger.acquire(writer.holder, writer.now):
        return None
    written: dict[str, str] = {}
    try:
        return _commit(writer, desk, approved, written)
    finally:
        desk.ledger.release(writer.holder, written, writer.now)


def _commit(writer: Writer, desk: Desk, approved: str, written: dict[str, str]) -> Done | None:
    """Bring everybody's wishes into force, as far as there is room and the brake lets them."""
    ledger, policies, brake = desk.ledger, desk.policies, desk.brake
    shards, wishes, held = policies.shards(), ledger.pending(), brake.held()
    if _is_stale(policies.versions(), ledger.written(writer.now)):
        return None
    if approved and approved != held.id:
        return Done(refused=True)
    verdict = _judge(shards, wishes, held, approved, desk, writer)
    if verdict.count:
        brake.count(verdict.count, writer.now)  # before they go: counted for nothing is better than not counted
    outcome = apply(shards, _going(wishes, verdict.hold), policies.quota(), external_ids(desk.hub))
    if not _write(outcome.write, writer, desk, written):
        return None
    if wishes.changes.remove:
        policies.tidy({shard.number for shard in shards} | {shard.number for shard in outcome.write})
    if approved:
        brake.released(approved)
    if plan := brake.hold(verdict.hold, writer.now):
        desk.approvals.ask(plan)
        brake.asked(plan)
    ledger.applied(_applied(wishes, verdict.hold))
    return Done(outcome.without_room, verdict.hold)


def _write(shards: Sequence[Shard], writer: Writer, desk: Desk, written: dict[str, str]) -> bool:
    """Write as long as we are the one writer; whether all is written."""
    for shard in shards:
        if not desk.ledger.holds(writer.holder):
            return False
        written[shard.name] = desk.policies.write(shard)
    return True


def _judge(
    shards: Sequence[Shard], wishes: Wishes, held: HeldPlan, approved: str, desk: Desk, writer: Writer
) -> Verdict:
    """What the brake says of the removals of entries in force; what was approved it is not asked about."""
    standing = {entry for shard in shards for entry in shard.entries}
    free = held.connections if approved else frozenset()
    removals = [each for each in wishes.removals if each.arn in standing and each.key not in free]
    now = datetime.fromisoformat(writer.now)
    waiting = held.connections | desk.brake.expected()
    return sort_out(removals, len(standing), desk.brake.revoked(), waiting, now)


def _going(wishes: Wishes, hold: frozenset[str]) -> Changes:
    """The changes without the removals that wait."""
    waiting = {each.arn for each in wishes.removals if each.key in hold}
    return Changes(wishes.changes.add, wishes.changes.remove - waiting)


def _applied(wishes: Wishes, hold: frozenset[str]) -> Wishes:
    """The wishes to forget: those without room as well, for whoever wished them comes and is told."""
    receipt = tuple(each for each in wishes.receipt if each[0].removeprefix("pending#") not in hold)
    return Wishes(wishes.changes, receipt)


def _is_stale(seen: Mapping[str, str], left: Mapping[str, str]) -> bool:
    """Whether IAM still shows a policy from before the last write; building on it would undo that write."""
    return any(_is_older(seen.get(name, GONE), version) for name, version in left.items())


def _is_older(seen: str, left: str) -> bool:
    """A policy made anew counts from one again, so numbers compare within one policy's id alone."""
    seen_id, _, seen_number = seen.partition("/v")
    left_id, _, left_number = left.partition("/v")
    return seen_id != left_id or int(seen_number or 0) < int(left_number or 0)

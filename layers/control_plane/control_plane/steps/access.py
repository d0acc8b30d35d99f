"""Allow the run-as role one consumer role more, or one less: many wishes, one writer, nothing dropped.

IAM has no conditional write, so two writers would undo each other. Everyone notes a wish in the ledger; whoever
gets the lease applies all wishes that wait, in one go. Whoever does not comes again, and mostly finds it done.
The brake sits here, because every revocation, whoever asks for it, passes here.

The writer believes the ledger's keys and nothing else that it can find out itself: which role is meant, and whether
a revocation takes nothing from anybody. An entry that is no consumer role's of ours is taken out, as if asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from control_plane.access_policy import Changes, Shard, apply
from control_plane.account import Connection, Hub
from control_plane.brake import Removal, Verdict, sort_out
from control_plane.errors import AccessPolicyFull
from control_plane.ports import (
    GONE,
    AccessLedger,
    AccessPolicies,
    Approvals,
    Brake,
    Exemptions,
    HeldPlan,
    Oddities,
    PendingChange,
    Wish,
)

VERIFIED = 20  # revocations that claim to be uncounted, of which one writer asks AWS
PATIENCE = timedelta(seconds=20)  # for which it asks, well within a function's minute; the others come again


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
    """What a writer works with. `repairs`: entries that are none of ours are taken out, not only told."""

    hub: Hub
    ledger: AccessLedger
    policies: AccessPolicies
    brake: Brake
    approvals: Approvals
    exemptions: Exemptions
    oddities: Oddities
    repairs: bool = True


class AccessRequest(Connection):
    """What EnsureAccess and RevokeAccess are asked: which connection, for which execution's attempt, when.

    `counted`: the brake counts the revocation. The writer believes only that it does.
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
    key = wish.connection.key
    desk.ledger.ask(wish, writer.now)
    done = _with_lease(writer, desk, mine=key)
    if done is None or key in done.later:
        return Settled.BUSY
    arn = wish.connection.consumer_role_arn(desk.hub)
    if arn in done.without_room:
        raise AccessPolicyFull(
            f"no room for {arn}: the run-as role's access policies are all full, and as many as IAM lets a role have"
        )
    if (arn in done.standing) is wish.allow:
        return Settled.DONE
    # Else a later attempt's change of the same entry, or one that somebody forged, went before ours: ask again.
    return Settled.HELD if key in done.held else Settled.BUSY


def release(plan_id: str, writer: Writer, desk: Desk) -> Settled:
    """Let exactly the revocations of an approved plan go. HELD: it was replaced, the new one needs its own approval."""
    if desk.brake.is_released(plan_id):
        return Settled.DONE
    done = _with_lease(writer, desk, approved=plan_id)
    if done is None:
        return Settled.BUSY
    return Settled.HELD if done.refused else Settled.DONE


def take_out_unexpected(writer: Writer, desk: Desk) -> Sequence[str] | None:
    """Take out what is no consumer role's of ours; what of it is still there (it waits for approval). None: busy."""
    done = _with_lease(writer, desk)
    return None if done is None else sorted(done.unexpected)


@dataclass(frozen=True)
class Done:
    """What a commit left: entries without room, connections held, and whether the approval was for another plan.

    `standing`: the entries in force now. `later`: changes it could not judge; whoever asked for one comes again.
    `unexpected`: entries that are still there and are no consumer role's of ours.
    """

    standing: frozenset[str] = frozenset()
    without_room: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    unexpected: frozenset[str] = frozenset()
    refused: bool = False


@dataclass(frozen=True)
class _Task:
    """One commit: who writes, for which plan's approval, and whose change comes first; what was written so far."""

    writer: Writer
    approved: str = ""
    mine: str = ""
    written: dict[str, str] = field(default_factory=dict)


def _with_lease(writer: Writer, desk: Desk, approved: str = "", mine: str = "") -> Done | None:
    """Commit as the one writer; None when another one is at work, or IAM does not show the last one's work yet."""
    if not desk.ledger.acquire(writer.holder, writer.now):
        return None
    task = _Task(writer, approved, mine)
    try:
        return _commit(task, desk)
    finally:
        desk.ledger.release(writer.holder, task.written, writer.now)


def _commit(task: _Task, desk: Desk) -> Done | None:
    """Bring everybody's wishes into force, as far as there is room and the brake lets them."""
    ledger, policies, brake, now = desk.ledger, desk.policies, desk.brake, task.writer.now
    shards, wishes, held = policies.shards(), ledger.pending(), brake.held()
    if _is_stale(policies.versions(), ledger.written(now)):
        return None
    if wishes.refused:
        desk.oddities.refused(wishes.refused)
        ledger.refuse(wishes.refused)
    if task.approved and task.approved != held.id:
        return Done(refused=True)
    work = _sort(shards, wishes.changes, held, task, desk)
    if work.verdict.count:
        brake.count(work.verdict.count, now)  # before they go: counted for nothing is better than not counted
    outcome = apply(shards, work.changes, policies.quota(), external_ids(desk.hub))
    if not _write(outcome.write, task, desk):
        return None
    if work.removes:
        policies.tidy({shard.number for shard in shards} | {shard.number for shard in outcome.write})
    _ask_people(work.verdict.hold, task, desk)
    ledger.applied([each for each in wishes.changes if each.key not in work.waiting])
    refused = {each.key for each in wishes.refused}
    return Done(
        standing=frozenset(outcome.standing),
        without_room=outcome.without_room,
        held=work.verdict.hold,
        later=work.later | refused,
        unexpected=work.unexpected - work.changes.remove,
    )


def _write(shards: Sequence[Shard], task: _Task, desk: Desk) -> bool:
    """Write as long as we are the one writer; whether all is written."""
    for shard in shards:
        if not desk.ledger.holds(task.writer.holder):
            return False
        task.written[shard.name] = desk.policies.write(shard)
    return True


def _ask_people(hold: frozenset[str], task: _Task, desk: Desk) -> None:
    """What was approved has gone; what waits now needs an approval of its own."""
    if task.approved:
        desk.brake.released(task.approved)
    if plan := desk.brake.hold(hold, task.writer.now):
        desk.approvals.ask(plan)
        desk.brake.asked(plan)


@dataclass(frozen=True)
class _Work:
    """What one commit is to do: changes to make, the brake's verdict, and changes it could not judge.

    `removes`: something was to go. `unexpected`: entries that stood there and are no consumer role's of ours.
    """

    changes: Changes
    verdict: Verdict
    later: frozenset[str]
    unexpected: frozenset[str]
    removes: bool

    @property
    def waiting(self) -> frozenset[str]:
        """Changes that stay in the ledger. Those without room do not: whoever wished them comes and is told."""
        return self.verdict.hold | self.later


def _sort(shards: Sequence[Shard], pending: Sequence[PendingChange], held: HeldPlan, task: _Task, desk: Desk) -> _Work:
    """What goes, what comes, what waits; what was approved the brake is not asked about."""
    now = task.writer.now
    standing = {entry for shard in shards for entry in shard.entries}
    unexpected = frozenset(entry for entry in standing if Connection.of_role(entry, desk.hub) is None)
    if unexpected:
        desk.oddities.unexpected(sorted(unexpected))
    asked = [each for each in pending if not each.wish.allow]
    roles = {each.key: each.wish.connection.consumer_role_arn(desk.hub) for each in pending}
    free = held.connections & frozenset(desk.brake.listed(task.approved)) if task.approved else frozenset()
    judged = [each for each in asked if roles[each.key] in standing and each.key not in free]
    exempt, later = _verify([each for each in judged if not each.wish.counted], task, desk)
    removals = [
        Removal(each.key, roles[each.key], each.key not in exempt, each.asked)
        for each in judged
        if each.key not in later
    ]
    foreign = [Removal(each, each, counted=True, asked=now) for each in unexpected if desk.repairs]
    removals += [each for each in foreign if each.key not in free]
    waiting = held.connections | desk.brake.expected()
    verdict = sort_out(removals, len(standing), desk.brake.revoked(), waiting, datetime.fromisoformat(now))
    going = {each.key: roles[each.key] for each in asked} | {each.key: each.arn for each in foreign}
    stays = verdict.hold | later
    return _Work(
        changes=Changes(
            add=frozenset(roles[each.key] for each in pending if each.wish.allow),
            remove=frozenset(arn for key, arn in going.items() if key not in stays),
        ),
        verdict=verdict,
        later=later,
        unexpected=unexpected,
        removes=bool(going),
    )


def _verify(claims: Sequence[PendingChange], task: _Task, desk: Desk) -> tuple[frozenset[str], frozenset[str]]:
    """Which of the revocations that claim to be uncounted are, and which nobody could ask about yet.

    Whoever writes has its own looked at first, so nobody waits for all others. After an error that one is counted and
    the rest waits: to ask on would only cost this writer its minute.
    """
    began = datetime.now(UTC)  # only how long it takes
    exempt: set[str] = set()
    queue = sorted(claims, key=lambda each: (each.key != task.mine, each.asked, each.key))
    for number, each in enumerate(queue):
        if number == VERIFIED or (number and datetime.now(UTC) - began > PATIENCE):
            return frozenset(exempt), frozenset(left.key for left in queue[number:])
        try:
            if desk.exemptions.is_exempt(each.wish.connection):
                exempt.add(each.key)
        except Exception:  # noqa: BLE001 - whatever AWS answers, the brake counts and the revocation is not stopped
            return frozenset(exempt), frozenset(left.key for left in queue[number + 1 :])
    return frozenset(exempt), frozenset()


def _is_stale(seen: Mapping[str, str], left: Mapping[str, str]) -> bool:
    """Whether IAM still shows a policy from before the last write; building on it would undo that write."""
    return any(_is_older(seen.get(name, GONE), version) for name, version in left.items())


def _is_older(seen: str, left: str) -> bool:
    """A policy made anew counts from one again, so numbers compare within one policy's id alone."""
    seen_id, _, seen_number = seen.partition("/v")
    left_id, _, left_number = left.partition("/v")
    return seen_id != left_id or int(seen_number or 0) < int(left_number or 0)

"""Write the access policy: which consumer roles the run-as roles may assume. There is one writer at a time.

IAM has no conditional write, so two writers would undo each other's changes. Each caller stores its change in the
ledger. The caller that gets the lease applies all pending changes at once, and answers those that wait on a task token.
Who becomes a writer, and when: steps/access_requests.py. The revocation budget is applied here, because every
revocation is written here.

Of an item in the ledger the writer believes only the key and the kind of change. It finds out itself which consumer
role is meant, and whether a revocation need not be counted. Which run-as role may assume it stands in profiles.yaml;
the item counts only if that file can't be read, because a broken file must stop no revocation. Entries that are not a
consumer role of ours are removed, too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from control_plane.access_policy import Changes, Outcome, Shard, apply, used
from control_plane.account import Connection, Hub
from control_plane.errors import AccessPolicyFull, ClaimLost
from control_plane.ports.access import (
    NO_VERSION,
    AccessChange,
    AccessLedger,
    AccessPolicies,
    Anomalies,
    CapacityGauge,
    Exemptions,
    PendingChange,
    PendingChanges,
    RefusedChange,
    RevocationBudget,
)
from control_plane.ports.approvals import ApprovalBatch, Approvals
from control_plane.ports.registry import Registry
from control_plane.ports.stack_set_queue import WaitingTasks
from control_plane.revocation_budget import Revocation, Verdict, decide

NO_ROOM = (
    "no room for {arn}: the access policies of run-as role {run_as_role} are all full, "
    "and as many as IAM lets a role have"
)
MAX_CHANGES = 300  # that one writer applies: it has to wake those who wait for them before its function times out
MAX_VERIFIED = 20  # uncounted revocations that one writer verifies with AWS
VERIFY_TIME_LIMIT = timedelta(
    seconds=20
)  # the time limit for that, well below a function's timeout; the rest is tried again later


class WriteResult(StrEnum):
    """The result for one change: applied, to be tried again soon, or waiting for approval."""

    DONE = "done"
    BUSY = "busy"
    HELD = "held"


def external_ids(hub: Hub) -> str:
    """The ExternalIds the run-as role may send: those of our own data sources."""
    return f"arn:{hub.partition}:quicksight:{hub.region}:{hub.account_id}:datasource/quick-athena-*"


class Writer(NamedTuple):
    """Who writes, and when: an id for the caller and the time at which it entered the step."""

    holder: str
    now: str


class AccessDependencies(NamedTuple):
    """The dependencies of a writer. `repairs`: entries that are not ours are removed, not only reported.

    `run_as_role`: of a profile; None when the file can't be read, or does not define the profile.
    """

    hub: Hub
    ledger: AccessLedger
    policies: AccessPolicies
    budget: RevocationBudget
    approvals: Approvals
    exemptions: Exemptions
    anomalies: Anomalies
    waiting: WaitingTasks
    capacity: CapacityGauge
    repairs: bool = True
    run_as_role: Callable[[str], int | None] = lambda _: (
        None
    )  # of a profile; None: the file can't be read, or has it not


def check_claim(account_id: str, execution: str, registry: Registry) -> None:
    """Raise ClaimLost when another execution holds the account: it decides now what the account needs."""
    if not registry.is_claimed_by(account_id, execution):
        raise ClaimLost(f"account {account_id}: {execution} does not hold its claim any more")


def apply_change(change: AccessChange, writer: Writer, deps: AccessDependencies) -> WriteResult:
    """Apply one change. Raises AccessPolicyFull."""
    key = change.connection.key
    deps.ledger.enqueue(change, writer.now)
    done = _with_lease(writer, deps, own_key=key)
    if done is None or key in done.unverified or done.incomplete:
        return WriteResult.BUSY
    arn = change.connection.consumer_role_arn(deps.hub)
    if arn in done.without_room:
        raise AccessPolicyFull(_no_room(change, deps.hub))
    if (arn in done.in_force) is change.allow:
        return WriteResult.DONE
    # Otherwise another change of the same entry (of a later attempt, or a forged one) came first: try again.
    return WriteResult.HELD if key in done.held else WriteResult.BUSY


def apply_batch(batch_id: str, writer: Writer, deps: AccessDependencies) -> WriteResult:
    """Apply exactly the revocations of an approved batch. HELD: it was replaced; the new one needs its own approval."""
    if deps.budget.is_applied(batch_id):
        return WriteResult.DONE
    done = _with_lease(writer, deps, approved=batch_id)
    if done is None:
        return WriteResult.BUSY
    return WriteResult.HELD if done.refused else WriteResult.DONE


def remove_unexpected(writer: Writer, deps: AccessDependencies) -> Sequence[str] | None:
    """Remove entries that are not a consumer role of ours. Returns those still there (held). None: try again later."""
    done = _with_lease(writer, deps)
    return None if done is None else sorted(done.unexpected)


class CommitResult(NamedTuple):
    """The result of a commit: entries without room, connections held, and whether another batch was approved.

    `in_force`: all entries in force now. `unverified`: changes it could not verify; their callers try again.
    `incomplete`: more changes waited than one writer applies; the caller goes on.
    `unexpected`: entries that are still there and are not a consumer role of ours.
    """

    in_force: frozenset[str] = frozenset()
    without_room: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    unverified: frozenset[str] = frozenset()
    unexpected: frozenset[str] = frozenset()
    refused: bool = False
    incomplete: bool = False


@dataclass(frozen=True)
class _Commit:
    """One commit: the writer, the approved batch (if any), the writer's own change, and what it wrote and applied."""

    writer: Writer
    approved: str = ""
    own_key: str = ""
    written: dict[str, str] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)


def _with_lease(writer: Writer, deps: AccessDependencies, approved: str = "", own_key: str = "") -> CommitResult | None:
    """Commit with the lease. None: another writer has it, or IAM does not return the last writer's changes yet."""
    if not deps.ledger.acquire(writer.holder, writer.now):
        return None
    task = _Commit(writer, approved, own_key)
    try:
        return _commit(task, deps)
    finally:
        deps.ledger.release(writer.holder, task.written, writer.now, len(task.applied))


def _commit(task: _Commit, deps: AccessDependencies) -> CommitResult | None:
    """Apply all pending changes, as far as there is room and the revocation budget allows them."""
    ledger, policies, budget, now = deps.ledger, deps.policies, deps.budget, task.writer.now
    ledger.end_election()
    shards, changes, held = policies.shards(), _with_run_as_roles(ledger.pending(), deps), budget.held()
    if _is_stale(policies.versions(), ledger.recent_versions(now)):
        return None
    if changes.refused:
        deps.anomalies.refused(changes.refused)
        ledger.discard(changes.refused)
    if task.approved and task.approved != held.id:
        return CommitResult(refused=True)
    chosen = _choose(changes.changes, task)
    work = _plan_commit(shards, chosen, held, task, deps)
    if work.verdict.count:
        budget.count(work.verdict.count, now)  # before they are applied: counting too much is safer than too little
    quota, ids = policies.quota(), external_ids(deps.hub)
    outcome = apply(shards, work.changes, quota, ids)
    task.applied.update(each.key for each in chosen if each.key not in work.waiting)
    if not _write(outcome.write, shards, task, deps):
        return None
    deps.capacity.report(used(outcome.after, quota, ids))
    if work.removes:
        policies.tidy({shard.number for shard in shards} | {shard.number for shard in outcome.write})
    _request_approval(work.verdict.hold, task, deps)
    applied = [each for each in chosen if each.key in task.applied]
    ledger.remove_applied(applied)
    _wake([each for each in applied if each.key != task.own_key], outcome, deps)
    refused = {each.key for each in changes.refused}
    return CommitResult(
        in_force=outcome.in_force,
        without_room=outcome.without_room,
        held=work.verdict.hold,
        unverified=work.unverified | refused,
        unexpected=work.unexpected - work.changes.remove,
        incomplete=len(chosen) < len(changes.changes),
    )


def _with_run_as_roles(pending: PendingChanges, deps: AccessDependencies) -> PendingChanges:
    """The pending changes with the run-as roles of their profiles. One with a role that is not there is refused."""
    # Once for each profile: a file that can't be read is read again at each call, and hundreds of changes may wait.
    known = {name: deps.run_as_role(name) for name in {each.change.connection.profile for each in pending.changes}}
    changes, refused = [], list(pending.refused)
    for each in pending.changes:
        number = known[each.change.connection.profile] or each.change.run_as_role
        if number <= deps.hub.run_as_roles or not each.change.allow:
            changes.append(replace(each, change=each.change._replace(run_as_role=number)))
        else:
            values = {"run_as_role": {"N": str(number)}, "generation": {"N": str(each.change.generation)}}
            refused.append(RefusedChange(each.key, f"there is no run-as role {number}", values))
    return PendingChanges(tuple(changes), tuple(refused))


def _choose(pending: Sequence[PendingChange], task: _Commit) -> Sequence[PendingChange]:
    """The changes that one writer applies: its own, every revocation, and those that wait longest."""

    def order(each: PendingChange) -> tuple[bool, bool, str, str]:
        return each.key != task.own_key, each.change.allow, each.requested_at, each.key

    revocations = sum(not each.change.allow for each in pending)
    return sorted(pending, key=order)[: max(MAX_CHANGES, revocations + 1)]


def _wake(applied: Sequence[PendingChange], outcome: Outcome, deps: AccessDependencies) -> None:
    """Let those go on who wait for access."""
    for each in applied:
        if not each.token or not each.change.allow:
            continue
        arn = each.change.connection.consumer_role_arn(deps.hub)
        if arn in outcome.in_force:
            deps.waiting.succeed(each.token, {"granted": True, "writes": False})
        elif arn in outcome.without_room:
            deps.waiting.fail(each.token, AccessPolicyFull.__name__, _no_room(each.change, deps.hub))


def _no_room(change: AccessChange, hub: Hub) -> str:
    return NO_ROOM.format(arn=change.connection.consumer_role_arn(hub), run_as_role=change.run_as_role)


def _write(shards: Sequence[Shard], present: Sequence[Shard], task: _Commit, deps: AccessDependencies) -> bool:
    """Write the shards while we hold the lease. Returns whether all were written.

    Those that only lose entries come first: whatever IAM refuses of the others, it stops no revocation.
    """
    before = {shard.number: set(shard.entries) for shard in present}
    for shard in sorted(shards, key=lambda each: bool(set(each.entries) - before.get(each.number, set()))):
        if not deps.ledger.holds(task.writer.holder):
            return False
        task.written[shard.name] = deps.policies.write(shard)
    return True


def _request_approval(hold: frozenset[str], task: _Commit, deps: AccessDependencies) -> None:
    """Record that an approved batch was applied, and request approval of the revocations that wait now."""
    if task.approved:
        deps.budget.record_applied(task.approved)
    if batch := deps.budget.hold(hold, task.writer.now):
        deps.approvals.ask(batch)
        deps.budget.record_approval_requested(batch)


class _CommitPlan(NamedTuple):
    """What one commit does: changes to make, the verdict of the revocation budget, and changes it could not verify.

    `removes`: some entries were to be removed. `unexpected`: entries that are not a consumer role of ours.
    """

    changes: Changes
    verdict: Verdict
    unverified: frozenset[str]
    unexpected: frozenset[str]
    removes: bool

    @property
    def waiting(self) -> frozenset[str]:
        """Changes that stay in the ledger. Those without room do not: their caller gets an error."""
        return self.verdict.hold | self.unverified


def _plan_commit(
    shards: Sequence[Shard],
    pending: Sequence[PendingChange],
    held: ApprovalBatch,
    task: _Commit,
    deps: AccessDependencies,
) -> _CommitPlan:
    """Decide what to add, to remove and to hold. Approved revocations are not checked against the budget."""
    now = task.writer.now
    in_force = {entry for shard in shards for entry in shard.entries}
    unexpected = frozenset(entry for entry in in_force if Connection.of_role(entry, deps.hub) is None)
    if unexpected:
        deps.anomalies.unexpected(sorted(unexpected))
    revoked = [each for each in pending if not each.change.allow]
    roles = {each.key: each.change.connection.consumer_role_arn(deps.hub) for each in pending}
    expected = deps.budget.expected()
    approved = expected.approved
    if task.approved:
        approved |= held.connections & frozenset(deps.budget.connections_of(task.approved))
    to_check = [each for each in revoked if roles[each.key] in in_force and each.key not in approved]
    exempt, unverified = _verify([each for each in to_check if not each.change.counted], task, deps)
    revocations = [
        Revocation(each.key, roles[each.key], each.key not in exempt, each.requested_at)
        for each in to_check
        if each.key not in unverified
    ]
    unknown_entries = [Revocation(each, each, counted=True, requested_at=now) for each in unexpected if deps.repairs]
    revocations += [each for each in unknown_entries if each.key not in approved]
    waiting = held.connections | expected.waiting
    verdict = decide(revocations, len(in_force), deps.budget.revoked(), waiting, datetime.fromisoformat(now))
    if verdict.hold & expected.waiting:
        # People are asked once about all that a sweep found. Whoever has left that list joins it by a request only.
        listed = held.connections & expected.waiting or expected.waiting
        announced = _in_force((listed - approved).difference(roles), in_force, deps.hub)
        verdict = replace(verdict, hold=verdict.hold | announced)
    removed = {each.key: roles[each.key] for each in revoked} | {each.key: each.arn for each in unknown_entries}
    kept = verdict.hold | unverified
    return _CommitPlan(
        changes=Changes(
            add=frozenset(roles[each.key] for each in pending if each.change.allow),
            remove=frozenset(arn for key, arn in removed.items() if key not in kept),
            run_as_roles={roles[each.key]: each.change.run_as_role for each in pending},
        ),
        verdict=verdict,
        unverified=unverified,
        unexpected=unexpected,
        removes=bool(removed),
    )


def _in_force(keys: Iterable[str], in_force: Collection[str], hub: Hub) -> frozenset[str]:
    """Those of the connections whose entry is in force."""
    found = {key: Connection.of_key(key) for key in keys}
    return frozenset(key for key, each in found.items() if each and each.consumer_role_arn(hub) in in_force)


def _verify(
    changes: Sequence[PendingChange], task: _Commit, deps: AccessDependencies
) -> tuple[frozenset[str], frozenset[str]]:
    """Verify the revocations that are requested as uncounted. Returns the exempt ones and those not verified yet.

    The writer verifies its own change first, so that it never waits for all others. After an error the change at hand
    is counted and the others stay unverified: more calls would only use up the writer's time.
    """
    started = datetime.now(UTC)  # only to measure the duration
    exempt: set[str] = set()
    queue = sorted(changes, key=lambda each: (each.key != task.own_key, each.requested_at, each.key))
    for number, each in enumerate(queue):
        if number == MAX_VERIFIED or (number and datetime.now(UTC) - started > VERIFY_TIME_LIMIT):
            return frozenset(exempt), frozenset(rest.key for rest in queue[number:])
        try:
            if deps.exemptions.is_exempt(each.change.connection):
                exempt.add(each.key)
        except Exception:  # noqa: BLE001 - after any error the revocation is counted, but not stopped
            return frozenset(exempt), frozenset(rest.key for rest in queue[number + 1 :])
    return frozenset(exempt), frozenset()


def _is_stale(seen: Mapping[str, str], written: Mapping[str, str]) -> bool:
    """Whether IAM still returns a policy from before the last write. Changing that one would undo the write."""
    return any(_is_older(seen.get(name, NO_VERSION), version) for name, version in written.items())


def _is_older(seen: str, written: str) -> bool:
    """Version numbers start again when a policy is created anew, so they are compared only for the same policy id."""
    seen_id, _, seen_number = seen.partition("/v")
    written_id, _, written_number = written.partition("/v")
    return seen_id != written_id or int(seen_number or 0) < int(written_number or 0)

"""One in-memory class for each port: the state a test sets up, and what was done to it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from control_plane import grant_budget
from control_plane.access_policy import Quota, Shard
from control_plane.account import ACTIVE, Account, Connection, Hub, Unit
from control_plane.aws.grant_budget import APPROVED_FOR, COUNTED_FOR
from control_plane.aws.ledger import ELECTED_FOR, LEASE, READ_LAG
from control_plane.aws.notifications import TEXT_LENGTH, subject_line
from control_plane.aws.records import NEVER
from control_plane.aws.registry import IN_PROGRESS as UNDER_WAY
from control_plane.aws.registry import NEWEST
from control_plane.dependents import Asset
from control_plane.errors import AccountNotFound, DataSourceFailed, NotOurs
from control_plane.ports.access import (
    NO_VERSION,
    AccessChange,
    ExpectedRevocations,
    LastWrite,
    PendingChange,
    PendingChanges,
    RefusedChange,
)
from control_plane.ports.approvals import ApprovalBatch
from control_plane.ports.quick import (
    AssetPage,
    DataSource,
    DataSourceSettings,
    Ingestion,
    ListingProgress,
    Refusal,
    Sharing,
)
from control_plane.ports.registry import Record
from control_plane.ports.stack_set_queue import Batch, ChangeKind, QueuedChange, QueueState, Rollout
from control_plane.ports.stack_sets import OperationResult, OperationStatus, StackInstance
from control_plane.revocation_budget import OLDEST_CALL, latest
from control_plane.text import bounded

IN_PROGRESS = {"creating": "creation_failed", "updating": "update_failed"}
QUOTA = Quota(policy_size=6144, policies_per_role=20, versions_per_policy=5)


class FakeOrganization:
    """Port `Organization`; `units`: the parents of an account, nearest first, if not only the unit written in."""

    def __init__(self, *accounts: Account) -> None:
        self.accounts = {account.id: account for account in accounts}
        self.units: dict[str, list[Unit]] = {}
        self.names: dict[str, str] = {}  # of the OU that an account is in

    def account(self, account_id: str, opt_in_tag: str) -> Account:
        """One account with its tags and the unit that counts; or AccountNotFound."""
        if account_id not in self.accounts:
            raise AccountNotFound(f"no account {account_id}")
        found = self.accounts[account_id]
        above = self.units.get(account_id, [found.unit] if found.unit else [])
        tagged = [unit for unit in above if opt_in_tag in unit.tags and opt_in_tag not in found.tags]
        return found.model_copy(update={"unit": tagged[0] if tagged else None})

    def units_above(self, account_id: str) -> tuple[str, ...]:
        """The ids of an account's parents, nearest first."""
        return tuple(unit.id for unit in self.units.get(account_id, ()))

    def unit_name(self, account_id: str) -> str:
        """The name of the OU that the account is in."""
        return self.names.get(account_id, "Root")

    def is_active(self, account_id: str) -> bool:
        """Whether the account is in the organization, and active."""
        return account_id in self.accounts and self.accounts[account_id].state == ACTIVE


@dataclass
class Operation:
    """A deployment to some accounts, or a removal from them; it ends after so many ticks."""

    accounts: Sequence[str]
    parameters: Mapping[str, str]
    ticks: int
    failures: dict[str, str] = field(default_factory=dict)
    removes: bool = False
    retain: bool = False
    updates: bool = False
    skipped: frozenset[str] = frozenset()


class FakeStackSets:
    """Port `StackSets`; `tick` lets time pass for operations, `failing` names accounts whose stacks fail, and why.

    `keeping`: accounts whose instances stay although they are to be forgotten. `refusing`: accounts that no operation
    may name, with AWS's error. `departed`: accounts that no operation reaches.
    """

    def __init__(self, hub: Hub, ticks: int = 1) -> None:
        self._hub, self.ticks = hub, ticks
        self.tags: dict[str, Mapping[str, str]] = {}
        self.instances: dict[tuple[str, str], StackInstance] = {}
        self.operations: dict[tuple[str, str], Operation] = {}
        self.failing: dict[str, str] = {}
        self.refusing: dict[str, Exception] = {}
        self.keeping: set[str] = set()
        self.departed: set[str] = set()
        self.stopped_detections = 0
        self.body = "built"
        self.definitions: dict[str, tuple[str, Mapping[str, str]]] = {}

    def ensure_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Create the stack set when it is missing; raises NotOurs when another one has its name."""
        if not self._hub.ownership_tags.items() <= self.tags.setdefault(name, self._hub.ownership_tags).items():
            raise NotOurs(f"the stack set {name} is not ours")
        self.definitions.setdefault(name, (self.body, dict(parameters)))
        return self.is_defined(name, parameters)

    def check_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """As `ensure_stack_set`, for a stack set that exists."""
        self.check_ownership(name)
        return self.is_defined(name, parameters)

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's body and parameters are what was built."""
        return self.definitions.get(name) == (self.body, dict(parameters))

    def definition(self, name: str) -> str:
        """The stack set's body and parameters as they are shown."""
        return str(self.definitions.get(name))

    def start_update(
        self, name: str, accounts: Sequence[str], parameters: Mapping[str, str] | None, operation_id: str
    ) -> bool:
        """Bring the accounts' instances to the definition; a new definition leaves all others behind it."""
        if parameters is None and not self._reaches(name, accounts):
            return False
        if not self._begin(name, operation_id, Operation(accounts, {}, self.ticks, updates=True)):
            return True
        if parameters is not None:
            self.definitions[name] = self.body, dict(parameters)
            for place, each in self.instances.items():
                self.instances[place] = each._replace(is_current=each.is_current and place[0] != name)
        for account_id in accounts:
            self._change(name, account_id, operation_id)
        return True

    def instance(self, name: str, account_id: str) -> StackInstance | None:
        """The account's instance, or None."""
        return self.instances.get((name, account_id))

    def operation(self, name: str, operation_id: str) -> OperationStatus:
        """How an operation stands."""
        found = self.operations.get((name, operation_id))
        if found is None:
            return OperationStatus.UNKNOWN
        return OperationStatus.RUNNING if found.ticks > 0 else OperationStatus.ENDED

    def results(self, name: str, operation_id: str) -> Mapping[str, OperationResult]:
        """What an operation did so far."""
        operation = self.operations[name, operation_id]
        reached = [each for each in operation.accounts if each not in operation.skipped]
        if operation.ticks > 0:
            return {each: OperationResult() for each in reached}
        failed = {
            each: OperationResult(has_failed=True, reason=f"FAILED: {why}") for each, why in operation.failures.items()
        }
        return {each: failed.get(each, OperationResult(has_succeeded=True)) for each in reached}

    def stop_operation(self, name: str, operation_id: str) -> None:
        """Accounts that the operation has not reached are cancelled."""
        operation = self.operations.get((name, operation_id))
        if operation and operation.ticks > 0:
            operation.ticks = 0
            operation.skipped = frozenset(operation.accounts)
            for each in operation.accounts:
                self.instances.pop((name, each), None)

    def stop_drift_detection(self, name: str) -> None:  # noqa: ARG002 - the fake detects no drift
        """Count how often it was asked for."""
        self.stopped_detections += 1

    def start_deployment(
        self, name: str, accounts: Sequence[str], parameters: Mapping[str, str], operation_id: str, *, exists: bool
    ) -> bool:
        """Create (or, when they exist, update) the accounts' instances; the operation id makes it idempotent."""
        if exists and not self._reaches(name, accounts):
            return False
        if not self._begin(name, operation_id, Operation(accounts, dict(parameters), self.ticks)):
            return True
        for account_id in set(accounts) - self.departed:
            there = self.instances.get((name, account_id))
            assert there or not exists, "create and update are two calls of CloudFormation"
            self.instances[name, account_id] = StackInstance(
                is_current=False,
                in_progress=True,
                parameters=dict(parameters),
                operation_id=operation_id,
                reason="",
                stack_id=there.stack_id if there else "",
            )
        return True

    def check_ownership(self, name: str) -> None:
        """Raise NotOurs when another one has its name."""
        if not self._hub.ownership_tags.items() <= self.tags.get(name, self._hub.ownership_tags).items():
            raise NotOurs(f"the stack set {name} is not ours")

    def start_removal(self, name: str, accounts: Sequence[str], operation_id: str, *, retain: bool) -> None:
        """Delete the accounts' instances; the operation id makes it idempotent."""
        there = [each for each in accounts if (name, each) in self.instances]
        if name in self.definitions and self._begin(
            name, operation_id, Operation(there, {}, self.ticks, removes=True, retain=retain)
        ):
            for account_id in there:
                self._change(name, account_id, operation_id)

    def tick(self) -> None:
        """Let every running operation come nearer its end, and its accounts' instances with it."""
        for (name, _), operation in self.operations.items():
            operation.ticks -= 1
            if operation.ticks == 0:
                for account_id in set(operation.accounts) - operation.skipped:
                    self._end((name, account_id), operation)

    def _reaches(self, name: str, accounts: Sequence[str]) -> bool:
        """Whether any of the accounts has an instance."""
        return any((name, each) in self.instances for each in accounts)

    def _begin(self, name: str, operation_id: str, operation: Operation) -> bool:
        """Whether the operation is a new one, and accepted."""
        if (name, operation_id) in self.operations:
            return False
        for account_id in operation.accounts:
            if account_id in self.refusing:
                raise self.refusing[account_id]
        operation.skipped = frozenset(self.departed & set(operation.accounts))
        self.operations[name, operation_id] = operation
        return True

    def _change(self, name: str, account_id: str, operation_id: str) -> None:
        there = self.instances.get((name, account_id))
        if there and account_id not in self.departed:
            changed = there._replace(is_current=False, in_progress=True, operation_id=operation_id)
            self.instances[name, account_id] = changed

    def _end(self, place: tuple[str, str], operation: Operation) -> None:
        reason = self.failing.get(place[1], "")
        if reason:
            operation.failures[place[1]] = reason
        if operation.removes and not reason and place[1] not in self.keeping:
            del self.instances[place]
            return
        if operation.updates and place not in self.instances:
            return
        is_current = not reason and not operation.removes
        self.instances[place] = self.instances[place]._replace(
            is_current=is_current,
            in_progress=False,
            reason=reason,
            is_drifted=operation.removes,  # AWS updates no instance whose removal failed
            stack_id=self.instances[place].stack_id or (f"arn:{'/'.join(place)}" if is_current else ""),
        )


class FakeStackSetQueue:
    """Port `StackSetQueue`."""

    def __init__(self) -> None:
        self.changes: dict[tuple[str, str], QueuedChange] = {}
        self.batches: dict[str, Batch] = {}
        self.rollouts: dict[str, Rollout] = {}
        self.resumes: dict[str, str] = {}
        self.last_kinds: dict[str, ChangeKind] = {}
        self.epochs: dict[str, int] = {}
        self.stops: dict[str, str] = {}

    def enqueue(self, stack_set: str, change: QueuedChange) -> None:
        """Store the account's change; it replaces the one before."""
        self.changes[stack_set, change.account_id] = change

    def read(self, stack_set: str) -> QueueState:
        """The whole queue."""
        return QueueState(
            changes=tuple(each for (name, _), each in sorted(self.changes.items()) if name == stack_set),
            batch=self.batches.get(stack_set),
            rollout=self.rollouts.get(stack_set, Rollout()).after(self.resumes.get(stack_set, "")),
            last_kind=self.last_kinds.get(stack_set),
            stopped=self.stopped(stack_set),
        )

    def remove(self, stack_set: str, change: QueuedChange) -> None:
        """Delete a change, unless it was replaced meanwhile."""
        there = self.changes.get((stack_set, change.account_id))
        if there and there.token == change.token:
            del self.changes[stack_set, change.account_id]

    def batch(self, stack_set: str) -> Batch | None:
        """The batch of the operation that runs, if any."""
        return self.batches.get(stack_set)

    def begin_batch(self, stack_set: str, batch: Batch) -> bool:
        """Store the batch; False when there is another batch."""
        return self.batches.setdefault(stack_set, batch) is batch

    def end_batch(self, stack_set: str, batch: Batch, rollout: Rollout) -> None:
        """Delete the batch, unless there is another one by now, and store how far its version got."""
        self.rollouts[stack_set], self.last_kinds[stack_set] = rollout, batch.kind
        there = self.batches.get(stack_set)
        if there and there.operation_id == batch.operation_id:
            del self.batches[stack_set]

    def stop(self, stack_set: str, why: str, now: str) -> None:  # noqa: ARG002 - only people read it
        """Let the operator deploy nothing."""
        self.stops[stack_set] = why

    def stopped(self, stack_set: str) -> str:
        """Why a person stopped all deployments."""
        return self.stops.get(stack_set, "")

    def resume(self, stack_set: str, now: str) -> None:
        """Let the operator deploy again."""
        self.resumes[stack_set] = now
        self.stops.pop(stack_set, None)

    def epoch(self, stack_set: str) -> int:
        """The number of the operator."""
        return self.epochs.get(stack_set, 0)

    def next_epoch(self, stack_set: str, epoch: int, now: str) -> int:
        """Replace this operator's number."""
        if self.epochs.get(stack_set, epoch) == epoch:
            self.epochs[stack_set] = max(epoch + 1, int(datetime.fromisoformat(now).timestamp()))
        return self.epochs[stack_set]


class FakeOperators:
    """Port `Operators`; `ended`: operators that ran once and run no more."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.ended: set[tuple[str, int]] = set()

    def start(self, stack_set: str, epoch: int) -> bool:
        """Have the operator with that number run. False when it has ended."""
        if (stack_set, epoch) in self.ended:
            return False
        self.started.append((stack_set, epoch))
        return True


class FakeWaitingTasks:
    """Port `WaitingTasks`; `answers`: by token, the output or the error and its cause."""

    def __init__(self) -> None:
        self.answers: dict[str, Mapping[str, Any] | tuple[str, str]] = {}

    def succeed(self, token: str, output: Mapping[str, Any]) -> None:
        """Let the execution go on; a second answer has no effect."""
        self.answers.setdefault(token, output)

    def fail(self, token: str, error: str, cause: str) -> None:
        """Let the execution's task fail; a second answer has no effect."""
        self.answers.setdefault(token, (error, cause))


@dataclass(frozen=True)
class Policy:
    """One shard as IAM keeps it: a policy made anew gets a new id and counts its versions from one."""

    policy_id: str
    number: int
    entries: tuple[str, ...]

    @property
    def version(self) -> str:
        """The port's version."""
        return f"{self.policy_id}/v{self.number}"


class FakeAccessPolicies:
    """Port `AccessPolicies`; after each write, `lag` reads still show what was before."""

    def __init__(self, *shards: Shard, quota: Quota = QUOTA, lag: int = 0) -> None:
        self._quota, self.lag = quota, lag
        self._made = 0
        self._policies: dict[int, Policy] = {}
        for shard in shards:
            self._put(shard)
        self._old, self._old_reads = self._policies, 0
        self._versions: dict[str, str] = {}
        self.written: list[Shard] = []
        self.tidied: list[frozenset[int]] = []

    @property
    def entries(self) -> frozenset[str]:
        """Every entry truly in force."""
        return frozenset(entry for policy in self._policies.values() for entry in policy.entries)

    def quota(self) -> Quota:
        """What IAM grants this account."""
        return self._quota

    def shards(self) -> list[Shard]:
        """The shards in force, or what was in force before the last write."""
        shown = self._old if self._old_reads else self._policies
        self._old_reads = max(0, self._old_reads - 1)
        self._versions = {Shard(number, ()).name: policy.version for number, policy in shown.items()}
        return [Shard(number, policy.entries) for number, policy in sorted(shown.items())]

    def versions(self) -> Mapping[str, str]:
        """Version in force by shard name, as of the last `shards`."""
        return self._versions

    def write(self, shard: Shard) -> str:
        """Put one shard in force (or away, when it has no entries); returns the version now in force."""
        if not self._old_reads:
            self._old = dict(self._policies)
        self._old_reads = self.lag
        self.written.append(shard)
        if shard.entries:
            return self._put(shard).version
        self._policies.pop(shard.number, None)
        return NO_VERSION

    def tidy(self, keep: Collection[int]) -> None:
        """What would be deleted is noted by what stands."""
        self.tidied.append(frozenset(keep))

    def show_once(self, old: Policy, number: int = 1) -> None:
        """Let the next read still show this policy as one shard."""
        self._old, self._old_reads = {**self._policies, number: old}, 1

    def _put(self, shard: Shard) -> Policy:
        before = self._policies.get(shard.number)
        self._made += before is None
        policy_id, number = (before.policy_id, before.number + 1) if before else (f"ANPA{self._made}", 1)
        self._policies[shard.number] = Policy(policy_id, number, tuple(sorted(set(shard.entries))))
        return self._policies[shard.number]


class FakeAccessLedger:
    """Port `AccessLedger`; `malformed`: malformed items among the pending changes."""

    def __init__(self) -> None:
        self.changes: dict[str, AccessChange] = {}
        self.malformed: dict[str, RefusedChange] = {}
        self._since: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._elected_at: datetime | None = None
        self.holder: str | None = None
        self._expires = datetime.min.replace(tzinfo=UTC)
        self._known_versions: dict[str, str] = {}
        self._versions_at: datetime | None = None
        self._changes = 0

    def enqueue(self, change: AccessChange, now: str, token: str = "") -> None:
        """Store one change; it replaces one of an earlier generation, and a malformed item without a later one."""
        key = change.connection.key
        before = self.changes.get(key)
        malformed = self.malformed.get(key)
        number = (malformed.values.get("generation") or {}).get("N", 0) if malformed else 0
        if max(int(number), before.generation if before else 0) > change.generation:
            return
        self.malformed.pop(key, None)
        if before is None:
            self._since[key] = _text(datetime.fromisoformat(now))
        self.changes[key], self._tokens[key] = change, token

    def elect(self, now: str) -> bool:
        """Whether the caller is the one to write next."""
        timestamp = datetime.fromisoformat(now)
        if self._elected_at and timestamp - ELECTED_FOR <= self._elected_at <= timestamp + OLDEST_CALL:
            return False
        self._elected_at = timestamp
        return True

    def end_election(self) -> None:
        """The next writer begins."""
        self._elected_at = None

    def pending(self) -> PendingChanges:
        """All changes that are requested and not applied."""
        changes = tuple(
            PendingChange(change, self._since[key], self._tokens[key]) for key, change in self.changes.items()
        )
        return PendingChanges(changes, tuple(self.malformed.values()))

    def remove_applied(self, changes: Collection[PendingChange]) -> None:
        """Delete changes that are applied, unless they were replaced meanwhile."""
        for each in changes:
            there = self.changes.get(each.key)
            if there and (there.generation, there.allow) == (each.change.generation, each.change.allow):
                del self.changes[each.key]

    def discard(self, changes: Collection[RefusedChange]) -> None:
        """Delete malformed items, unless they were replaced meanwhile."""
        for each in changes:
            if each.key in self.malformed and self.malformed[each.key].values == each.values:
                del self.malformed[each.key]

    def acquire(self, holder: str, now: str) -> bool:
        """Take the lease; False while another writer has it. One that lasts longer than any is nobody's."""
        timestamp = datetime.fromisoformat(now)
        if self.holder not in (None, holder) and timestamp <= self._expires <= timestamp + LEASE + OLDEST_CALL:
            return False
        self.holder, self._expires = holder, timestamp + LEASE
        return True

    def holds(self, holder: str) -> bool:
        """Whether that holder still has the lease."""
        return self.holder == holder

    def recent_versions(self, now: str) -> Mapping[str, str]:
        """The versions that recent writers wrote, by shard name."""
        return dict(self._known_versions) if self.last_write(now) else {}

    def last_write(self, now: str) -> LastWrite | None:
        """The last write of the policy, if that is not long ago."""
        timestamp = datetime.fromisoformat(now)
        if not self._versions_at or not timestamp - READ_LAG <= self._versions_at <= timestamp + OLDEST_CALL:
            return None
        return LastWrite(self._versions_at, self._changes)

    def release(self, holder: str, versions: Mapping[str, str], now: str, changes: int = 1) -> None:
        """Give the lease back and record the versions written."""
        if self.holder != holder:
            return
        self._known_versions = {**self.recent_versions(now), **versions}
        if versions:
            self._versions_at, self._changes = datetime.fromisoformat(now), changes
        self.holder = None


class FakeApprovalBatches:
    """Port `ApprovalBatches`."""

    def __init__(self) -> None:
        self.batch = ApprovalBatch()
        self.batches: dict[str, frozenset[str]] = {}
        self.applied_batches: set[str] = set()
        self._tokens: dict[str, str] = {}
        self._replaced: tuple[str, ...] = ()  # batches whose token may have to be invalidated, the latest first
        self._approval_requested = True

    def held(self) -> ApprovalBatch:
        """The connections that wait for approval."""
        return self.batch

    def hold(self, connections: Collection[str], now: str) -> ApprovalBatch | None:
        """Replace the connections that wait."""
        if self.batch.connections != frozenset(connections):
            self._replaced = (*filter(None, [self.batch.id]), *self._replaced)[:2]
            self.batch = ApprovalBatch(f"{len(self.batches) + 1}-{now}", frozenset(connections))
            self.batches[self.batch.id] = self.batch.connections
            self._approval_requested = False
        if self._approval_requested:
            return None
        tokens = [self._tokens[each] for each in self._replaced if each in self._tokens]
        return self.batch._replace(replaced_token=tokens[0] if tokens else "")

    def record_approval_requested(self, batch: ApprovalBatch) -> None:
        """Record that the approval of this batch was requested, unless it was replaced meanwhile."""
        if batch.id == self.batch.id:
            self._approval_requested, self._replaced = True, ()

    def store_token(self, batch_id: str, token: str) -> ApprovalBatch | None:
        """Store the token that approves a batch and return the batch; None when it was replaced meanwhile."""
        self._tokens[batch_id] = token
        return self.batch if batch_id == self.batch.id and self.batch.connections else None

    def connections_of(self, batch_id: str) -> Sequence[str]:
        """The connections of a batch, in order."""
        return sorted(self.batches.get(batch_id, ()))

    def record_applied(self, batch_id: str) -> None:
        """Record that an approved batch was applied."""
        self.applied_batches.add(batch_id)

    def is_applied(self, batch_id: str) -> bool:
        """Whether it was applied."""
        return batch_id in self.applied_batches


class FakeRevocationBudget(FakeApprovalBatches):
    """Port `RevocationBudget`."""

    def __init__(self) -> None:
        super().__init__()
        self.revoked_times: dict[str, datetime] = {}
        self.announced: frozenset[str] = frozenset()
        self.approved: frozenset[str] = frozenset()

    def revoked(self) -> Mapping[str, datetime]:
        """The times of recent counted revocations."""
        return dict(self.revoked_times)

    def count(self, connections: Collection[str], now: str) -> None:
        """Record counted revocations; those older than the window are dropped."""
        timestamp = datetime.fromisoformat(now)
        self.revoked_times = {**latest(self.revoked_times, timestamp), **dict.fromkeys(connections, timestamp)}

    def expected(self) -> ExpectedRevocations:
        """The revocations that a sweep announced, and people approved since then."""
        return ExpectedRevocations(self.announced - self.approved, self.announced & self.approved)

    def expect(self, connections: Collection[str]) -> None:
        """Replace the expected connections. What was approved before is approved no longer."""
        self.announced, self.approved = frozenset(connections), frozenset()

    def record_applied(self, batch_id: str) -> None:
        """Record that the revocations of an approved batch were applied."""
        super().record_applied(batch_id)
        if found := self.expected().waiting & frozenset(self.connections_of(batch_id)):
            self.approved = found


class FakeGrantBudget:
    """Port `GrantBudget`. `percent`: 0 is no limit."""

    def __init__(self, percent: int = 10) -> None:
        self.percent, self.accounts = percent, 0
        self.taken: Counter[tuple[str, str]] = Counter()
        self.approvals: dict[str, tuple[str, datetime]] = {}
        self.counted_once: dict[tuple[str, str], datetime] = {}
        self.of_unit: dict[str, FakeApprovalBatches] = {}

    def limit(self) -> int | None:
        """New connections of one unit within an hour that need no approval."""
        return grant_budget.limit(self.accounts, self.percent)

    def set_organization(self, accounts: int) -> None:
        """Store how many accounts the organization has."""
        self.accounts = accounts

    def granted(self, unit: str, now: datetime) -> int:
        """New connections of the unit in this hour and the one before."""
        return sum(self.taken[unit, hour] for hour in grant_budget.hours(now))

    def take(self, unit: str, connection: str, most: int, now: datetime) -> bool:
        """Count one new connection once, if the unit has fewer."""
        if connection in self.counted(unit, now):
            return True
        if self.granted(unit, now) >= most:
            return False
        self.taken[unit, grant_budget.hours(now)[0]] += 1
        self.counted_once[unit, connection] = now
        return True

    def counted(self, unit: str, now: datetime) -> frozenset[str]:
        """The connections that were counted not long ago."""
        found = self.counted_once.items()
        return frozenset(key for (where, key), at in found if where == unit and now < at + COUNTED_FOR)

    def is_approved(self, unit: str, connection: str, now: datetime) -> bool:
        """Whether people approved it."""
        return self.approved(now).get(connection) == unit

    def approved(self, now: datetime) -> Mapping[str, str]:
        """The approved connections."""
        return {key: unit for key, (unit, at) in self.approvals.items() if now < at + APPROVED_FOR}

    def approve(self, unit: str, connections: Collection[str], now: datetime) -> None:
        """Record approved connections."""
        self.approvals |= dict.fromkeys(connections, (unit, now))

    def waiting_units(self) -> frozenset[str]:
        """The units that have, or had, a batch."""
        return frozenset(unit for unit, batches in self.of_unit.items() if batches.batches)

    def batches(self, unit: str) -> FakeApprovalBatches:
        """The batches of one unit."""
        return self.of_unit.setdefault(unit, FakeApprovalBatches())


class FakeSweeps:
    """Port `Sweeps`: what was to be swept, and why."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []

    def start(self, scope: str, reason: str) -> None:
        """Start a sweep of an OU or the root."""
        self.started.append((scope, reason))


class FakeExemptions:
    """Port `Exemptions`: revocations that need not be counted; `broken`: nobody can tell."""

    def __init__(self) -> None:
        self.exempt: set[str] = set()
        self.broken = False
        self.asked: list[str] = []

    def is_exempt(self, connection: Connection) -> bool:
        """Whether it is so."""
        self.asked.append(connection.key)
        if self.broken:
            raise ConnectionError("no network")
        return connection.key in self.exempt


class FakeAnomalies:
    """Port `Anomalies`: what was reported, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.entries: list[str] = []

    def refused(self, changes: Sequence[RefusedChange]) -> None:
        """Malformed items among the pending changes."""
        self.keys += [each.key for each in changes]

    def unexpected(self, entries: Sequence[str]) -> None:
        """Entries of the access policy that are not a consumer role of ours."""
        self.entries += entries


class FakeCapacityGauge:
    """Port `CapacityGauge`: the percentages that were reported, in order."""

    def __init__(self) -> None:
        self.reported: list[float] = []

    def report(self, percent: float) -> None:
        """The percentage in use now."""
        self.reported.append(percent)


class FakeApprovals:
    """Port `Approvals`: the batches whose approval was requested, and the tokens that were invalidated."""

    def __init__(self) -> None:
        self.batches: list[ApprovalBatch] = []
        self.units: list[str] = []
        self.refused: list[str] = []

    def ask(self, batch: ApprovalBatch, unit: str = "") -> None:
        """Request approval of the batch, unless it is empty."""
        self.units.append(unit)
        if batch.replaced_token:
            self.refused.append(batch.replaced_token)
        if batch.connections and batch.id not in [each.id for each in self.batches]:
            self.batches.append(batch)


@dataclass
class QuickSource:
    """One data source as Quick keeps it."""

    name: str
    settings: DataSourceSettings
    state: str
    sharing: Sharing
    tags: Mapping[str, str]
    failure_type: str = ""
    failure: str = ""


class FakeDataSources:
    """Port `DataSources`; `tick` ends what is in progress, with the next of `refusals` (type, message) or well.

    Creating and updating is answered with the next of `answers`; without one they begin. `missing_groups` don't exist.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.sources: dict[str, QuickSource] = {}
        self.refusals: list[tuple[str, str]] = []
        self.answers: list[Refusal | None] = []
        self.missing_groups: set[str] = set()
        self.folders: dict[str, set[str]] = {}
        self.calls: list[str] = []

    def find(self, data_source_id: str) -> DataSource | None:
        """The data source, or None."""
        found = self.sources.get(data_source_id)
        if found is None:
            return None
        state = "in_progress" if found.state in IN_PROGRESS else found.state
        kept = found.name, found.settings, found.sharing, found.tags, found.failure_type, found.failure
        return DataSource(state, *kept)

    def create(self, data_source_id: str, name: str, settings: DataSourceSettings, sharing: Sharing) -> Refusal | None:
        """Start to create it."""
        self.calls.append("create")
        if refusal := self._answer():
            return refusal
        if data_source_id in self.sources:
            return Refusal("ResourceExistsException", f"{data_source_id} exists already")
        if refusal := self._missing(sharing):
            return refusal
        self.sources[data_source_id] = QuickSource(name, settings, "creating", sharing, self._hub.ownership_tags)
        return None

    def share(self, data_source_id: str, sharing: Sharing) -> None:
        """Share it with exactly these groups."""
        self.calls.append("share")
        if refusal := self._missing(sharing):
            raise DataSourceFailed(f"data source {data_source_id}: {refusal.message}")
        if data_source_id not in self.sources:
            raise DataSourceFailed(f"data source {data_source_id}: it does not exist")
        self.sources[data_source_id].sharing = sharing

    def update(self, data_source_id: str, name: str, settings: DataSourceSettings) -> Refusal | None:
        """Start to change its name and where its queries run."""
        self.calls.append("update")
        if refusal := self._answer():
            return refusal
        source = self.sources.get(data_source_id)
        if source is None:
            return Refusal("ResourceNotFoundException", f"{data_source_id} does not exist")
        if source.state in IN_PROGRESS:
            return Refusal("ConflictException", f"another change of {data_source_id} is in progress")
        source.name, source.settings, source.state = name, settings, "updating"
        source.failure_type = source.failure = ""
        return None

    def is_in_folder(self, data_source_id: str, folder_id: str) -> bool:
        """Whether that folder has it."""
        return data_source_id in self.folders.get(folder_id, ())

    def put_in_folder(self, data_source_id: str, folder_id: str) -> Refusal | None:
        """Put it into that folder; another one of its name is refused."""
        self.calls.append("put_in_folder")
        name, members = self.sources[data_source_id].name, self.folders.get(folder_id)
        if members is None:
            return Refusal("ResourceNotFoundException", f"Folder {folder_id} is not found")
        if any(self.sources[each].name == name for each in members):
            return Refusal("ResourceExistsException", f"Folder {folder_id} already has an asset named {name}")
        members.add(data_source_id)
        return None

    def _missing(self, sharing: Sharing) -> Refusal | None:
        missing = [f"group/default/{each}" for each in sorted((sharing.owners | sharing.viewers) & self.missing_groups)]
        return Refusal("ResourceNotFoundException", ", ".join(missing)) if missing else None

    def _answer(self) -> Refusal | None:
        return self.answers.pop(0) if self.answers else None

    def remove(self, data_source_id: str) -> None:
        """Delete it; one that is gone already is no error."""
        self.calls.append("remove")
        self.sources.pop(data_source_id, None)

    def tick(self) -> None:
        """End every creation and update under way."""
        for source in self.sources.values():
            if ended := IN_PROGRESS.get(source.state):
                refused = self.refusals.pop(0) if self.refusals else None
                source.state = ended if refused else "successful"
                source.failure_type, source.failure = refused or ("", "")


class FakeProofDataSets:
    """Port `ProofDataSets`; `tick` ends what is imported: with the next of `failures`, or with `rows`.

    Creating is refused with the next of `refusals`.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.rows = 1
        self.failures: list[Refusal] = []
        self.refusals: list[Refusal] = []
        self.owned: dict[str, dict[str, str]] = {}  # tags by data set
        self.statements: list[str] = []
        self.calls: list[str] = []
        self._ingestions: dict[tuple[str, str], Ingestion] = {}

    def tags(self, data_set_id: str) -> dict[str, str] | None:
        """The tags of a data set; None when it does not exist."""
        return self.owned.get(data_set_id)

    def create(self, data_set_id: str, data_source_arn: str, sql: str) -> str | Refusal:  # noqa: ARG002 - the port's
        """Create it and begin to import."""
        self.calls.append("create")
        if self.refusals:
            return self.refusals.pop(0)
        if data_set_id in self.owned:
            return Refusal("ResourceExistsException", f"{data_set_id} exists already")
        self.statements.append(sql)
        self.owned[data_set_id] = dict(self._hub.ownership_tags)
        ingestion_id = f"ingestion-{len(self.statements)}"
        self._ingestions[data_set_id, ingestion_id] = Ingestion(is_over=False)
        return ingestion_id

    def ingestion(self, data_set_id: str, ingestion_id: str) -> Ingestion | None:
        """How an ingestion stands; None when it does not exist any more."""
        return self._ingestions.get((data_set_id, ingestion_id))

    def remove(self, data_set_id: str) -> None:
        """Delete it with its ingestions; one that is gone already is no error."""
        self.calls.append("remove")
        self.owned.pop(data_set_id, None)
        self._ingestions = {key: each for key, each in self._ingestions.items() if key[0] != data_set_id}

    def tick(self) -> None:
        """End every import under way."""
        for key, each in self._ingestions.items():
            if not each.is_over:
                failure = self.failures.pop(0) if self.failures else None
                self._ingestions[key] = Ingestion(is_over=True, failure=failure, rows=0 if failure else self.rows)


class FakeQuickAssets:
    """Port `QuickAssets`: assets with what they use and who owns them, so many on a page; counts the calls."""

    def __init__(self, *assets: Asset, page: int = 100) -> None:
        self.made = {(asset.kind, asset.id): asset for asset in assets}
        self._page = page
        self.calls: list[str] = []

    def page(self, kind: str, token: str) -> AssetPage:
        """One page of all assets of a kind."""
        self.calls.append(f"list {kind}")
        listed = [asset._replace(uses=None, owners=()) for (of, _), asset in self.made.items() if of == kind]
        start = int(token or 0)
        following = start + self._page
        return AssetPage(tuple(listed[start:following]), str(following) if following < len(listed) else "")

    def uses(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """ARNs of what an asset is made of."""
        self.calls.append(f"describe {asset_id}")
        found = self.made.get((kind, asset_id))
        return found.uses or () if found else ()

    def owners(self, kind: str, asset_id: str) -> tuple[str, ...]:
        """Who may say who sees an asset."""
        self.calls.append(f"owners {asset_id}")
        found = self.made.get((kind, asset_id))
        return found.owners if found else ()


class FakeAssetCache:
    """Port `AssetCache`."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Asset] = {}
        self._listing = ListingProgress()
        self.busy_until = datetime.min.replace(tzinfo=UTC)

    def try_reserve(self, now: datetime, until: datetime) -> bool:
        """Reserve Quick's API until then."""
        if self.busy_until > now:
            return False
        self.busy_until = until
        return True

    def listing(self) -> ListingProgress:
        """How far the listing has come."""
        return self._listing

    def keep_listing(self, listing: ListingProgress) -> None:
        """Store how far the listing has come."""
        self._listing = listing

    def assets(self) -> list[Asset]:
        """All known assets."""
        return list(self.known.values())

    def keep(self, asset: Asset) -> None:
        """Store one asset; owners without the time they were read at are not known."""
        self.known[asset.kind, asset.id] = asset if asset.owners_asked else asset._replace(owners=())

    def forget(self, asset: Asset) -> None:
        """Delete one asset from the cache."""
        self.known.pop((asset.kind, asset.id), None)


class FakeQuickAccount:
    """Port `QuickAccount`: an edition (None: not subscribed), the groups, users and folders; counts the questions."""

    def __init__(self, edition: str | None = "ENTERPRISE", groups: Iterable[str] = ("owners", "authors")) -> None:
        self.bought, self.groups, self.asked = edition, set(groups), 0
        self.users: set[str] = set()
        self.folders: set[str] = set()

    def edition(self) -> str | None:
        """What was bought; None when nothing was."""
        self.asked += 1
        return self.bought

    def has_group(self, name: str) -> bool:
        """Whether that group exists."""
        return name in self.groups

    def has_user(self, name: str) -> bool:
        """Whether that user exists."""
        return name in self.users

    def has_folder(self, folder_id: str) -> bool:
        """Whether that folder exists."""
        return folder_id in self.folders


class FakeRegistry:
    """Port `Registry`; `items` by account and profile, None for the account's claim."""

    def __init__(self, statuses: Iterable[tuple[str, str, str]] = ()) -> None:
        self.items: dict[tuple[str, str | None], Record] = {}
        self._unsettled: dict[tuple[str, str | None], str] = {}
        self.unread = 0
        self.until = ""
        self.swept = ""
        for account_id, profile, status in statuses:
            self.put(Record(account_id, profile, status))

    def put(self, record: Record, unsettled: str = "") -> None:
        """Store one record or claim, in the index of unsettled records or not."""
        key = record.account_id, record.profile
        self.items[key] = record._replace(updated=record.updated or NEVER.isoformat())
        self._unsettled[key] = unsettled

    def set(self, account_id: str, profile: str | None, **values: Any) -> None:
        """Change a record or claim, or create it."""
        key = account_id, profile
        self.put(self.items.get(key, Record(*key))._replace(**values), self._unsettled.get(key, ""))

    def records(self, account_id: str) -> dict[str, Record]:
        """The valid records of an account's connections, by profile."""
        return {
            profile: record
            for (account, profile), record in self.items.items()
            if account == account_id and profile is not None and record.is_valid
        }

    def record_failure(
        self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str, generation: int | None = None
    ) -> None:
        """Record why a connection failed or, without a profile, the account and its connections in progress."""
        if profile is None:
            for name, record in self.records(account_id).items():
                if record.status in UNDER_WAY:
                    self.record_failure(account_id, name, failure, now)
        there = self.items.get((account_id, profile), Record())
        if generation is None or not generation < there.generation <= generation + NEWEST:
            self._unsettled[account_id, profile] = "failed"
            self.set(account_id, profile, **failure, status="failed", updated=now)

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Record the assets that stop working with a connection's data source."""
        self.set(account_id, profile, dependents=dependents, updated=now)

    def unsettled(self, kind: str) -> list[Record]:
        """Records that are `in_progress`, `failed` or `degraded`, the one written longest ago first."""
        found = (self.items[key] for key, each in self._unsettled.items() if each == kind)
        return sorted(found, key=lambda record: record.updated)

    def is_claimed_by(self, account_id: str, execution: str) -> bool:
        """Whether that execution holds the account's claim."""
        claim = self.items.get((account_id, None))
        return claim is not None and claim.holder == execution

    def superseded(self, holders: Mapping[str, str]) -> frozenset[str]:
        """The accounts that another one holds now, or that are to be assessed anew."""
        claims = {account_id: self.items.get((account_id, None), Record(account_id)) for account_id in holders}
        return frozenset(
            each for each, claim in claims.items() if claim.holder != holders[each] or claim.requeue_requested
        )

    def claimed_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim wrote it last."""
        claim = self.items.get((account_id, None))
        return claim.updated if claim and claim.claimed else None

    def unread_events(self) -> int:
        """How many events are stored in which no account was found."""
        return self.unread

    def swept_at(self) -> str:
        """When the last sweep ended."""
        return self.swept

    def last_report(self) -> str:
        """Until when failures have been reported."""
        return self.until

    def set_last_report(self, until: str) -> None:
        """Record until when failures have been reported."""
        self.until = until


class FakeReconciles:
    """Port `Reconciles`: the input of what was started, once for each name."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}

    def start(self, account_id: str, reason: str, name: str, profiles: Sequence[str] = ()) -> None:
        """Start to reconcile an account."""
        more = {"profiles": list(profiles)} if profiles else {}
        self.started.setdefault(name, {"account_id": account_id, "reason": reason, **more})


class FakeNotifications:
    """Port `Notifications`: what was sent, as SNS accepts it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, subject: str, text: str) -> None:
        """Send one message."""
        self.sent.append((subject_line(subject), bounded(text, TEXT_LENGTH)))


def _text(timestamp: datetime) -> str:
    """A time as comparable text."""
    return timestamp.astimezone(UTC).isoformat(timespec="microseconds")

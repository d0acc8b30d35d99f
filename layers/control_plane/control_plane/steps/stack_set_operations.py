"""Run the operations of one stack set: one at a time, each for all accounts that wait for the same kind of change.

AWS may queue the operations of a stack set one after the other, so an operation for each account would take hours. This
is the only place that starts operations. It believes little of the queue: whether an account still waits says its
claim, whether a role may be removed says the access policy, and what is deployed say the profile and the template.

It can stop at any line. A batch is stored before its operation is started, and is given up if AWS does not know the
operation. A waiting execution is woken before its change is deleted. A second wake-up has no effect.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from control_plane import errors
from control_plane.account import NAME_PREFIX, AccountValues, Connection, Hub
from control_plane.batches import after_batch, alike, choose, is_stopped, limit_of, next_kind, rollout_of
from control_plane.lake_grants import role_failure, without
from control_plane.narrowing import fit
from control_plane.ports.access import Shards
from control_plane.ports.stack_set_queue import (
    Batch,
    ChangeKind,
    Claims,
    Operators,
    QueuedChange,
    QueueState,
    Rollout,
    StackSetQueue,
    WaitingTasks,
)
from control_plane.ports.stack_sets import OperationResult, OperationStatus, StackSets
from control_plane.profiles import Profile, parameters
from control_plane.publications import allowed_connections, confirmed, with_publishers

# Seconds until an operation is looked at again, by its age.
PAUSES = ((timedelta(minutes=3), 15), (timedelta(minutes=30), 30), (timedelta.max, 60))
# A function ends after 60 seconds. Whoever stored a batch has started its operation by then, or never will.
STARTED_WITHIN = timedelta(seconds=90)
MAX_ANSWERS = 1000  # of one look: each is two calls, and a function has a minute
MAX_STARTS = 5  # the second one succeeds, unless many others do the same at once
MAX_ROUNDS = 400  # of one execution, which may have 25,000 events; the next one goes on
# Errors that the next batch would meet as well: those who wait are told at once.
FINAL = (
    errors.NotOurs,
    errors.UnknownProfile,
    errors.InvalidProfiles,
    errors.MissingPermission,
    errors.NotDelegatedAdministrator,
)


@dataclass(frozen=True)
class Progress:
    """Whether nothing waits any more; if something does, after how many seconds to look again."""

    done: bool
    pause: int = 0


class OperatorDependencies(NamedTuple):
    """The dependencies of an operator. `largest`: how many accounts a batch may have."""

    hub: Hub
    queue: StackSetQueue
    stack_sets: StackSets
    policies: Shards
    claims: Claims
    waiting: WaitingTasks
    operators: Operators
    profile: Callable[[str], Profile]
    version: Callable[[Mapping[str, str]], str]
    largest: int


class _Planned(NamedTuple):
    """The queue without those who were refused, the next batch (None: there is none), and its changes."""

    queue: QueueState
    batch: Batch | None = None
    chosen: Sequence[QueuedChange] = ()


def request_operator(stack_set: str, queue: StackSetQueue, operators: Operators, now: str) -> None:
    """Have an operator work on the queue, after a change was stored."""
    epoch = queue.epoch(stack_set)
    for _ in range(MAX_STARTS):
        if operators.start(stack_set, epoch):
            return
        epoch = queue.next_epoch(stack_set, epoch, now)
    raise errors.StackSetBusy(f"stack set {stack_set}: operators end faster than one can be started")


@dataclass(frozen=True)
class Operator:
    """One look of an operator at its stack set: its number, how often it looked before, and the time."""

    stack_set: str
    epoch: int
    rounds: int
    now: str
    deps: OperatorDependencies

    @property
    def profile(self) -> str:
        """The profile that the stack set is for."""
        return self.stack_set.removeprefix(NAME_PREFIX)

    def advance(self) -> Progress:
        """Wake those whose change was made, and start the next operation if none runs."""
        queue = self.deps.queue.read(self.stack_set)
        if queue.batch:
            if queue.stopped and queue.batch.kind.deploys:
                self.deps.stack_sets.stop_operation(self.stack_set, queue.batch.operation_id)
            try:
                queue = self._follow(queue, queue.batch)
            except FINAL as error:  # nobody can say how the operation stands: those who wait are told, and people
                self._fail(queue.changes, error)
                raise
        queue = self._drop_superseded(queue)
        if queue.batch is None and queue.changes:
            queue = self._begin(queue)
        is_empty = not queue.changes and queue.batch is None
        if is_empty or self.rounds >= MAX_ROUNDS:
            self._hand_over()
            return Progress(done=True)
        return Progress(done=False, pause=self._pause(queue))

    def _hand_over(self) -> None:
        """End as this operator. Whoever stored a change meanwhile may have met us, so look once more afterwards."""
        epoch = self.deps.queue.next_epoch(self.stack_set, self.epoch, self.now)
        left = self.deps.queue.read(self.stack_set)
        if left.changes or left.batch:
            self.deps.operators.start(self.stack_set, epoch)

    def _pause(self, queue: QueueState) -> int:
        """Seconds until it is worth to look again."""
        if queue.batch is None or queue.is_behind:
            return 3
        return next(pause for limit, pause in PAUSES if self._age(queue.batch) < limit)

    def _age(self, batch: Batch) -> timedelta:
        """How long ago the batch was stored."""
        return datetime.fromisoformat(self.now) - datetime.fromisoformat(batch.started_at)

    # Follow the operation that runs ------------------------------------------------------------------------------

    def _follow(self, queue: QueueState, batch: Batch) -> QueueState:
        """Wake the accounts that the operation is done with; forget the batch when the operation has ended."""
        status = self.deps.stack_sets.operation(self.stack_set, batch.operation_id)
        if status is OperationStatus.UNKNOWN:
            if self._age(batch) < STARTED_WITHIN:
                return queue
            self.deps.queue.end_batch(self.stack_set, batch, queue.rollout)
            return replace(queue, batch=None)
        has_ended = status is OperationStatus.ENDED
        # A lone account has its result when the operation has ended.
        is_worth_it = has_ended or len(batch.accounts) > 1
        results = self.deps.stack_sets.results(self.stack_set, batch.operation_id) if is_worth_it else {}
        over = [
            each for each in queue.changes if _is_over(each, batch, results.get(each.account_id), has_ended=has_ended)
        ]
        answered = over[:MAX_ANSWERS]
        for each in answered:
            self._answer(each, batch, results.get(each.account_id))
        left = replace(queue.without(answered), is_behind=len(over) > len(answered))
        if not has_ended or left.is_behind:
            return left
        rollout = self._rollout_after(queue, batch, results) if batch.kind.deploys else queue.rollout
        self.deps.queue.end_batch(self.stack_set, batch, rollout)
        return replace(left, batch=None, rollout=rollout, last_kind=batch.kind)

    def _rollout_after(self, queue: QueueState, batch: Batch, results: Mapping[str, OperationResult]) -> Rollout:
        """How far the version got by this batch. An account that the operation did not reach says nothing about it."""
        failures = [
            f"account {account}: {each.reason}"
            for account, each in sorted(results.items())
            if each.has_failed and not each.was_cancelled
        ]
        succeeded = sum(each.has_succeeded for each in results.values())
        before = rollout_of(queue.rollout, batch.version)
        if batch.values != AccountValues():
            failures = []  # those of accounts whose own tags fit the profile: they may be why, so they stop nobody else
        rollout = after_batch(before, batch.kind, succeeded, failures, self.now)
        shown = self.deps.stack_sets.definition(self.stack_set) if batch.defines else rollout.shown
        return rollout.model_copy(update={"shown": shown})

    def _answer(self, change: QueuedChange, batch: Batch, result: OperationResult | None) -> None:
        """Wake whoever waits for a change of the batch."""
        if result and result.has_succeeded:
            self._wake(change, done=_is_all_it_needs(change, batch), tried=batch)
        elif change.kind is ChangeKind.CREATE and result and result.has_failed and not result.was_cancelled:
            why = f"stack set {self.stack_set}, operation {batch.operation_id}: {result.reason}"
            self._fail([change], role_failure(why))
        else:  # AWS may show a result some time after the operation has ended: the stack instance decides
            self._wake(change, done=False, tried=batch)

    # Those who wait ----------------------------------------------------------------------------------------------

    def _drop_superseded(self, queue: QueueState) -> QueueState:
        """Wake those whose account is to be assessed anew: they end, and the next assessment decides what is needed."""
        if not queue.changes:
            return queue
        superseded = self.deps.claims.superseded({each.account_id: each.holder for each in queue.changes})
        gone = [each for each in queue.changes if each.account_id in superseded]
        for change in gone:
            self._wake(change, done=False)
        return queue.without(gone)

    def _wake(self, change: QueuedChange, *, done: bool, tried: Batch | None = None) -> None:
        """Let whoever waits go on. `tried`: the batch that brought the change, or should have."""
        known = tried if tried and tried.version == change.version else None
        answer = {"tried": known.kind.value if known else "", "operation_id": known.operation_id if known else ""}
        self.deps.waiting.succeed(change.token, {"done": done, "version": change.version, **answer})
        self.deps.queue.remove(self.stack_set, change)

    def _fail(self, changes: Sequence[QueuedChange], error: Exception) -> None:
        for change in changes:
            self.deps.waiting.fail(change.token, type(error).__name__, str(error))
            self.deps.queue.remove(self.stack_set, change)

    # Begin the next operation ------------------------------------------------------------------------------------

    def _begin(self, queue: QueueState) -> QueueState:
        """Start an operation for as many waiting changes of one kind as it may have."""
        kind = next_kind(queue.changes, queue.last_kind)
        try:
            planned = self._plan_deployment(queue, kind) if kind.deploys else self._plan_removal(queue, kind)
        except FINAL as error:
            return self._refuse(queue, queue.of_kind(kind), error)
        queue, batch, chosen = planned
        if batch is None or not self.deps.queue.begin_batch(self.stack_set, batch):
            return queue  # nobody is left of this kind, or another operator was faster
        now = self.deps.queue.read(self.stack_set)
        is_stopped_now = now.stopped and batch.kind.deploys
        # Another operator may have made some of these changes since we read them.
        if is_stopped_now or not set(chosen) <= set(now.changes):
            self.deps.queue.end_batch(self.stack_set, batch, now.rollout)
            return replace(now, batch=None)
        return self._submit(queue, batch, chosen)

    def _plan_deployment(self, queue: QueueState, kind: ChangeKind) -> _Planned:
        if queue.stopped:
            error = errors.RolloutStopped(f"stack set {self.stack_set} was stopped by a person: {queue.stopped}")
            return _Planned(self._refuse(queue, [each for each in queue.changes if each.kind.deploys], error))
        wanted = self._wanted()
        rollout = rollout_of(queue.rollout, self.deps.version(wanted))
        if is_stopped(rollout, self.now):
            error = errors.RolloutStopped(
                f"stack set {self.stack_set}, version {rollout.version}: {'; '.join(rollout.failures)}"
            )
            return _Planned(self._refuse(queue, queue.of_kind(kind), error))
        is_defined = self.deps.stack_sets.ensure_stack_set(self.stack_set, wanted)
        defines = not is_defined and self.deps.stack_sets.definition(self.stack_set) != rollout.shown
        limit = limit_of(rollout, self.deps.largest)
        same = alike(queue.of_kind(kind))
        try:
            self._wanted(same[0].values if kind is not ChangeKind.UPDATE_TEMPLATE else AccountValues())
        except errors.AccountTagRefused as error:  # the profile changed, or somebody wrote into the queue
            return _Planned(self._refuse(queue, same, error))
        chosen = choose(same, limit)
        if not defines:
            return _Planned(queue, self._batch(kind, chosen, rollout.version), chosen)
        # Accounts without a stack wait until the stack set is defined. They are its targets if nobody else waits.
        behind = choose(queue.of_kind(ChangeKind.UPDATE_TEMPLATE), limit)
        batch = self._batch(ChangeKind.UPDATE_TEMPLATE, behind or chosen, rollout.version, defines=True)
        return _Planned(queue, batch, behind)

    def _plan_removal(self, queue: QueueState, kind: ChangeKind) -> _Planned:
        """Access is always revoked before a role is removed, whatever the queue says."""
        self.deps.stack_sets.check_ownership(self.stack_set)
        in_force = {entry for shard in self.deps.policies.shards() for entry in shard.entries}
        chosen = choose(queue.of_kind(kind), self.deps.largest)
        allowed = [each for each in chosen if self._role(each) in in_force]
        for each in allowed:
            queue = self._refuse(queue, [each], errors.AccessNotRevoked(f"{self._role(each)} is in the access policy"))
        revoked = [each for each in chosen if each not in allowed]
        return _Planned(queue, self._batch(kind, revoked) if revoked else None, revoked)

    def _refuse(self, queue: QueueState, changes: Sequence[QueuedChange], error: Exception) -> QueueState:
        """Tell those who wait for these changes why they can't be made."""
        self._fail(changes, error)
        return queue.without(changes)

    def _submit(self, queue: QueueState, batch: Batch, chosen: Sequence[QueuedChange]) -> QueueState:
        """Start the operation of a batch. If AWS refuses it, half of it is tried: one account stops no other."""
        try:
            self.deps.stack_sets.stop_drift_detection(self.stack_set)
            has_started = self._start(batch)
        except (*FINAL, errors.OperationRefused) as error:
            self.deps.queue.end_batch(self.stack_set, batch, queue.rollout)
            if len(chosen) < 2 or not isinstance(error, errors.OperationRefused):
                refused = chosen or [each for each in queue.changes if each.kind.deploys]
                return self._refuse(queue, refused, error)
        else:
            return replace(queue, batch=batch) if has_started else self._give_up(queue, batch, chosen)
        half = chosen[: len(chosen) // 2]
        smaller = self._batch(batch.kind, half, batch.version, defines=batch.defines)
        return self._submit(queue, smaller, half) if self.deps.queue.begin_batch(self.stack_set, smaller) else queue

    def _give_up(self, queue: QueueState, batch: Batch, chosen: Sequence[QueuedChange]) -> QueueState:
        """None of these accounts has a stack instance any more: each has to be read again."""
        self.deps.queue.end_batch(self.stack_set, batch, queue.rollout)
        for each in chosen:
            self._wake(each, done=False, tried=batch)
        return queue.without(chosen)

    def _start(self, batch: Batch) -> bool:
        """Whether AWS started the operation of the batch."""
        stack_sets, name, accounts, operation = self.deps.stack_sets, self.stack_set, batch.accounts, batch.operation_id
        match batch.kind:
            case ChangeKind.DELETE | ChangeKind.RETAIN:
                stack_sets.start_removal(name, accounts, operation, retain=batch.kind is ChangeKind.RETAIN)
                return True
            case ChangeKind.UPDATE_TEMPLATE:
                wanted = self._wanted() if batch.defines else None
                return stack_sets.start_update(name, accounts, wanted, operation)
            case ChangeKind.CREATE | ChangeKind.SET_PARAMETERS:
                exists = batch.kind is ChangeKind.SET_PARAMETERS
                wanted = self._wanted(batch.values, accounts)
                return stack_sets.start_deployment(name, accounts, wanted, operation, exists=exists)

    def _wanted(self, values: AccountValues | None = None, accounts: Sequence[str] = ()) -> dict[str, str]:
        """The parameters of the stack set, or those of accounts with such tags and publishers."""
        profile = self.deps.profile(self.profile)
        if values is None:
            return parameters(self.profile, profile, self.deps.hub)
        fitted = parameters(self.profile, fit(self.profile, profile, values), self.deps.hub)
        published = with_publishers(fitted, self._publishers(values, accounts), self.deps.profile, self.deps.hub)
        return without(published, values.emptied)

    def _publishers(self, values: AccountValues, accounts: Sequence[str]) -> Sequence[str]:
        """Those of the queue that publish now: of an item in it only the account is believed."""
        if not values.publishers:
            return ()
        allowed = frozenset(allowed_connections(self.deps.policies.shards(), self.deps.hub))
        return confirmed(values.publishers, accounts, allowed, self._known_profile)

    def _known_profile(self, name: str) -> Profile | None:
        try:
            return self.deps.profile(name)
        except errors.UnknownProfile:
            return None

    def _role(self, change: QueuedChange) -> str:
        return Connection(account_id=change.account_id, profile=self.profile).consumer_role_arn(self.deps.hub)

    def _batch(
        self, kind: ChangeKind, chosen: Sequence[QueuedChange], version: str = "", *, defines: bool = False
    ) -> Batch:
        text = "/".join([self.stack_set, self.now, kind, *sorted(each.token for each in chosen)])
        return Batch(
            operation_id="qa-" + hashlib.sha256(text.encode()).hexdigest()[:32],
            kind=kind,
            accounts=tuple(sorted(each.account_id for each in chosen)),
            version=version,
            started_at=self.now,
            defines=defines,
            values=chosen[0].values if kind in (ChangeKind.CREATE, ChangeKind.SET_PARAMETERS) else AccountValues(),
        )


def _is_over(change: QueuedChange, batch: Batch, result: OperationResult | None, *, has_ended: bool) -> bool:
    """Whether the batch has a final result for this change."""
    if change.account_id not in batch.accounts or change.kind is not batch.kind:
        return False
    if result and result.has_succeeded:
        return True
    # What was requested after the operation began gets an operation of its own.
    return change.requested_at <= batch.started_at and (has_ended or (result is not None and result.has_failed))


def _is_all_it_needs(change: QueuedChange, batch: Batch) -> bool:
    """Whether this change is the last one. Otherwise the account's stack instance has to be read again."""
    if change.kind is ChangeKind.CREATE:
        return (change.version, change.values) == (batch.version, batch.values)
    return change.kind is ChangeKind.DELETE

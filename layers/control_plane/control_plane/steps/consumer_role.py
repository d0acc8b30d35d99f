"""Request the consumer role in an account, or its removal, and wait for it without asking again and again.

The account's change is stored in the queue of its stack set, together with the task token of the execution that waits.
OperateStackSet makes the change, with those of others, and wakes the execution. Everything is judged by the account's
stack instance, not by an operation: with a high failure tolerance an operation succeeds although an account failed.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from control_plane import lake_grants
from control_plane.account import AccountValues, Connection, Hub
from control_plane.errors import ConsumerRoleFailed, ConsumerRoleNotRemoved
from control_plane.narrowing import fit
from control_plane.ports.registry import Registry
from control_plane.ports.stack_set_queue import ChangeKind, Operators, QueuedChange, StackSetQueue, WaitingTasks
from control_plane.ports.stack_sets import OperationStatus, StackInstance, StackSets
from control_plane.profiles import Profile, parameters
from control_plane.publications import with_publishers
from control_plane.steps.access import check_claim
from control_plane.steps.stack_set_operations import request_operator


class RoleRequest(Connection):
    """The request of EnsureConsumerRole and RemoveConsumerRole.

    `execution`: the holder of the account's claim. `token`: the task token of the execution that waits. `tried` and
    `operation_id`: the kind of the last change made for it, and its operation; empty at first. `values`: what the
    account's tags say about the profile, and who publishes to it.
    """

    execution: str
    token: str
    now: str
    tried: ChangeKind | Literal[""] = ""
    operation_id: str = ""
    values: AccountValues = AccountValues()

    @property
    def connection(self) -> Connection:
        """Which connection."""
        return Connection(account_id=self.account_id, profile=self.profile)


class RemovalRequest(RoleRequest):
    """`retain`: the account is inactive, so its stack stays. `retained`: what stays in the account, as text so far."""

    retain: bool
    retained: str = ""


class RoleDependencies(NamedTuple):
    """The dependencies of both requests. `profile`: by name. `version`: of the consumer role, by its parameters."""

    hub: Hub
    stack_sets: StackSets
    queue: StackSetQueue
    operators: Operators
    waiting: WaitingTasks
    registry: Registry
    profile: Callable[[str], Profile]
    version: Callable[[Mapping[str, str]], str]


class Wanted(NamedTuple):
    """The parameters of the stack set, and those of the account, which its tags and its publishers may have changed."""

    built: Mapping[str, str]
    fitted: Mapping[str, str]


def ensure(request: RoleRequest, profile: Profile, deps: RoleDependencies) -> bool:
    """Answer that the role is ready, or queue the change that it needs. Returns whether it is ready.

    An older template is updated first, and only then the account's own parameters are set: AWS accepts a new parameter
    only when the stack set's template has it. Grants that change are taken away first, and then made anew.
    """
    wanted = Wanted(
        built=parameters(request.profile, profile, deps.hub),
        fitted=with_publishers(
            parameters(request.profile, fit(request.profile, profile, request.values), deps.hub),
            request.values.publishers,
            deps.profile,
            deps.hub,
        ),
    )
    instance = deps.stack_sets.instance(request.connection.role_name, request.account_id)
    kind, version = _needed(request, instance, wanted, deps), deps.version(wanted.built)
    if kind is None:
        deps.waiting.succeed(request.token, {"done": True, "version": version, **_tried(request)})
        return True
    _queue(request, kind, version, deps, _to_empty(instance, wanted))
    return False


def _needed(
    request: RoleRequest, instance: StackInstance | None, wanted: Wanted, deps: RoleDependencies
) -> ChangeKind | None:
    """The change that the account needs next; None when it has all."""
    if instance is None and request.tried is ChangeKind.CREATE:
        why = "the operation has no result for the account: it is no target of the stack set"
        raise ConsumerRoleFailed(f"stack set {request.connection.role_name}, operation {request.operation_id}: {why}")
    if instance is None:
        return ChangeKind.CREATE
    if being_made := _being_made(request, instance, deps):
        return being_made
    tried = request.tried
    # Go on after an update even when AWS shows another template than ours: the sweep reports that.
    is_defined = deps.stack_sets.check_stack_set(request.connection.role_name, wanted.built)
    if instance and instance.is_current_with(wanted.fitted) and (tried or is_defined):
        return None
    if tried is ChangeKind.SET_PARAMETERS and not instance.in_progress and not _is_emptied(request, instance, wanted):
        why = instance.reason or "the stack instance is not current, or has other parameters"
        name = request.connection.role_name
        raise lake_grants.role_failure(f"stack set {name}, operation {request.operation_id}: {why}")
    if tried is ChangeKind.UPDATE_TEMPLATE or not instance.stack_id:
        return ChangeKind.SET_PARAMETERS
    is_behind = not instance.is_current
    if is_behind or not is_defined:
        return ChangeKind.UPDATE_TEMPLATE
    return ChangeKind.SET_PARAMETERS


def _to_empty(instance: StackInstance | None, wanted: Wanted) -> tuple[int, ...]:
    """The places of grants that the next change leaves empty, and the change after it fills."""
    if instance is None or not instance.stack_id:
        return ()
    return lake_grants.to_empty(instance.parameters, wanted.fitted, is_current=instance.is_current)


def _is_emptied(request: RoleRequest, instance: StackInstance, wanted: Wanted) -> bool:
    """Whether the last change did what it should: grants that change are taken away, and only have to be made anew."""
    is_done = instance.is_current and instance.operation_id == request.operation_id
    return is_done and lake_grants.are_emptied(instance.parameters, wanted.fitted)


def _being_made(request: RoleRequest, instance: StackInstance, deps: RoleDependencies) -> ChangeKind | None:
    """The change that an operation of ours is making to the account right now. Its result may be all that is needed."""
    batch = deps.queue.batch(request.connection.role_name) if instance.in_progress else None
    return batch.kind if batch and batch.operation_id == instance.operation_id and batch.kind.deploys else None


def remove(request: RemovalRequest, deps: RoleDependencies) -> bool:
    """Answer that the role's stack is removed, or queue its removal. Returns whether the answer was given.

    An inactive account keeps its stack (`retain`): nobody can reach it.
    """
    name = request.connection.role_name
    instance = deps.stack_sets.instance(name, request.account_id)
    if instance is None:
        deps.waiting.succeed(request.token, _removal(request, done=True))
        return True
    if request.tried and deps.stack_sets.operation(name, request.operation_id) is OperationStatus.ENDED:
        if not request.retain:
            raise ConsumerRoleNotRemoved(
                f"stack set {name}, operation {request.operation_id}, {instance.stack_id}: "
                f"{instance.reason or 'the operation has no result for the account'}"
            )
        deps.waiting.succeed(request.token, _removal(request, done=False, instance_retained=True))
        return True
    _queue(request, ChangeKind.RETAIN if request.retain else ChangeKind.DELETE, "", deps)
    return False


def _removal(request: RemovalRequest, *, done: bool, instance_retained: bool = False) -> dict[str, Any]:
    retained = _with_instance(request.retained, request.connection.role_name) if instance_retained else request.retained
    told = {"done": done, "version": "", **_tried(request)}
    return {**told, "instance_retained": instance_retained, "retained": retained}


def _tried(request: RoleRequest) -> dict[str, str]:
    return {"tried": request.tried, "operation_id": request.operation_id}


def _with_instance(retained: str, name: str) -> str:
    """What stays in the account, and the stack set's instance; said once, however often it is found."""
    text = f"the stack set {name} still lists the account: AWS keeps it although it was asked to forget it"
    return retained if text in retained else "; ".join(filter(None, (retained, text)))


def _queue(
    request: RoleRequest, kind: ChangeKind, version: str, deps: RoleDependencies, emptied: tuple[int, ...] = ()
) -> None:
    """Store the change and have an operator run. Raises ClaimLost: the holder decides what the account needs."""
    check_claim(request.account_id, request.execution, deps.registry)
    change = QueuedChange(
        account_id=request.account_id,
        kind=kind,
        holder=request.execution,
        token=request.token,
        version=version,
        requested_at=request.now,
        values=request.values.model_copy(update={"emptied": emptied}),
    )
    stack_set = request.connection.role_name
    deps.queue.enqueue(stack_set, change)
    request_operator(stack_set, deps.queue, deps.operators, request.now)

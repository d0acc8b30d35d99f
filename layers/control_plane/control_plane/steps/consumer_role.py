"""Create the consumer role in an account, or remove it, through the profile's stack set."""

import hashlib
from dataclasses import dataclass

from control_plane.account import Connection, Hub
from control_plane.errors import ConsumerRoleFailed, ConsumerRoleNotRemoved
from control_plane.ports.stack_sets import OperationStatus, StackInstance, StackSets
from control_plane.profiles import Profile, parameters


@dataclass(frozen=True)
class EnsureResult:
    """Whether the role is ready; if not yet, the operation to wait for."""

    ready: bool
    operation_id: str = ""


@dataclass(frozen=True)
class RemovalResult:
    """Whether the role's stack is removed from the stack set; if not yet, the operation to wait for.

    `instance_retained`: AWS still lists the account in the stack set, although it was asked to forget it. `retained`:
    what stays in the account, as text to record.
    """

    removed: bool
    instance_retained: bool = False
    operation_id: str = ""
    retained: str = ""


@dataclass(frozen=True)
class Attempt:
    """One attempt of an execution: its own operation id, and the operation it waits for (empty: none yet)."""

    operation_id: str
    waits_for: str = ""


def attempt_operation_id(execution: str, generation: int, connection: Connection, *, removes: bool = False) -> str:
    """One operation id for each attempt of an execution: repeating a step never deploys, or removes, twice."""
    text = f"{execution}/{generation}/{connection.data_source_id}" + ("/removal" if removes else "")
    return "qa-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def is_current(instance: StackInstance | None, wanted: dict[str, str]) -> bool:
    """Whether an instance has the profile's current parameters."""
    return instance is not None and instance.is_current and dict(instance.parameters) == wanted


def update_id(operation_id: str) -> str:
    """The id of the operation that updates the template. It runs before the one that sets the parameters."""
    return f"{operation_id}-body"


def ensure(connection: Connection, profile: Profile, hub: Hub, attempt: Attempt, stack_sets: StackSets) -> EnsureResult:
    """Start the next operation, or return the one to wait for, or that the role is ready.

    While the operation this attempt waits for runs, this makes one call only.

    An older template is updated first: the stack set gets ours, or an instance that is behind its stack set is updated.
    Only then the instance's own parameters are set, because AWS accepts a new parameter only when the stack set's
    template has it.

    The result is judged by the instance, not by the status of the operation: with a high failure tolerance an operation
    succeeds although an account failed, and the instance may show the end of an operation a moment later.
    """
    name, wanted = connection.role_name, parameters(connection.profile, profile, hub)
    if _still_runs(name, attempt, stack_sets):
        return EnsureResult(ready=False, operation_id=attempt.waits_for)
    is_defined = stack_sets.ensure_stack_set(name, wanted)
    instance = stack_sets.instance(name, connection.account_id)
    if instance and instance.in_progress:
        return EnsureResult(ready=False, operation_id=instance.operation_id)
    if not is_defined or _is_behind(instance):
        first = update_id(attempt.operation_id)
        status = stack_sets.operation(name, first)
        if status is OperationStatus.UNKNOWN:
            stack_sets.start_update(name, connection.account_id, None if is_defined else wanted, first)
        if status is not OperationStatus.ENDED:
            return EnsureResult(ready=False, operation_id=first)
    # Go on after this operation even when AWS returns another template than ours: the sweep reports that.
    if is_current(instance, wanted):
        return EnsureResult(ready=True)
    return _deploy(connection, wanted, attempt.operation_id, stack_sets, exists=instance is not None)


def _deploy(
    connection: Connection, wanted: dict[str, str], operation_id: str, stack_sets: StackSets, *, exists: bool
) -> EnsureResult:
    name, account_id = connection.role_name, connection.account_id
    match stack_sets.operation(name, operation_id):
        case OperationStatus.ENDED:
            why = stack_sets.failure(name, operation_id, account_id)
            raise ConsumerRoleFailed(f"stack set {name}, operation {operation_id}: {why}")
        case OperationStatus.UNKNOWN:
            stack_sets.start_deployment(name, account_id, wanted, operation_id, exists=exists)
    return EnsureResult(ready=False, operation_id=operation_id)


def _still_runs(name: str, attempt: Attempt, stack_sets: StackSets) -> bool:
    """Whether the operation that this attempt waits for has not ended yet."""
    return bool(attempt.waits_for) and stack_sets.operation(name, attempt.waits_for) is OperationStatus.RUNNING


def _is_behind(instance: StackInstance | None) -> bool:
    """Whether the account's stack may have an older template than its stack set. Without a stack it has none."""
    return instance is not None and not instance.is_current and bool(instance.stack_id)


def remove(
    connection: Connection, attempt: Attempt, stack_sets: StackSets, *, retain: bool, retained: str = ""
) -> RemovalResult:
    """Start to remove the account's stack, or return the operation to wait for, or that the stack is removed.

    Judged by the instance, as in `ensure`. An inactive account keeps its stack (`retain`): nobody can reach it.
    `retained`: what stays in the account, as far as it is known.
    """
    name, account_id = connection.role_name, connection.account_id
    if _still_runs(name, attempt, stack_sets):
        return RemovalResult(removed=False, operation_id=attempt.waits_for, retained=retained)
    instance = stack_sets.instance(name, account_id)
    if instance is None:
        return RemovalResult(removed=True, retained=retained)
    if instance.in_progress:
        return RemovalResult(removed=False, operation_id=instance.operation_id, retained=retained)
    match stack_sets.operation(name, attempt.operation_id):
        case OperationStatus.ENDED if retain:
            return RemovalResult(removed=False, instance_retained=True, retained=_with_instance(retained, name))
        case OperationStatus.ENDED:
            why = stack_sets.failure(name, attempt.operation_id, account_id)
            raise ConsumerRoleNotRemoved(
                f"stack set {name}, operation {attempt.operation_id}, {instance.stack_id}: {why}"
            )
        case OperationStatus.UNKNOWN:
            stack_sets.check_ownership(name)
            stack_sets.start_removal(name, account_id, attempt.operation_id, retain=retain)
    return RemovalResult(removed=False, operation_id=attempt.operation_id, retained=retained)


def _with_instance(retained: str, name: str) -> str:
    """What stays in the account, and the stack set's instance; said once, however often it is found."""
    text = f"the stack set {name} still lists the account: AWS keeps it although it was asked to forget it"
    return retained if text in retained else "; ".join(filter(None, (retained, text)))

"""Make the consumer role present in an account, or absent, through the profile's stack set."""

import hashlib
from dataclasses import dataclass

from control_plane.account import Connection, Hub
from control_plane.errors import ConsumerRoleFailed, ConsumerRoleNotRemoved
from control_plane.ports import OperationStatus, StackInstance, StackSets
from control_plane.profiles import Profile, parameters


@dataclass(frozen=True)
class Progress:
    """Whether the role is as it should be; if not yet, the operation to wait for."""

    ready: bool
    operation_id: str | None = None


@dataclass(frozen=True)
class Removal:
    """Whether the role's stack is out of the stack set; if not yet, the operation to wait for.

    `kept`: AWS still lists the instance of an account that is gone, although it was asked to forget it.
    """

    gone: bool
    kept: bool = False
    operation_id: str | None = None


def token(execution: str, generation: int, connection: Connection, *, removes: bool = False) -> str:
    """One operation id for each attempt of an execution: repeating a step never deploys, or removes, twice."""
    text = f"{execution}/{generation}/{connection.data_source_id}" + ("/removal" if removes else "")
    return "qa-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def is_current(instance: StackInstance | None, wanted: dict[str, str]) -> bool:
    """Whether an instance carries the profile as it is written now."""
    return instance is not None and instance.is_current and dict(instance.parameters) == wanted


def update_id(operation_id: str) -> str:
    """The id of the operation that brings the body, which comes before the one that brings the parameters."""
    return f"{operation_id}-body"


def ensure(connection: Connection, profile: Profile, hub: Hub, operation_id: str, stack_sets: StackSets) -> Progress:
    """Start what is missing, or say what to wait for, or that all is there.

    An older body goes first: the stack set is given ours, or an instance behind its stack set is brought to it. Only
    then are an instance's own parameters set, because AWS takes a new one only where the stack has it already.

    Called again after the wait, so it judges by the instance itself and not by the operation's word:
    with a high failure tolerance an operation succeeds although an account failed, and an operation
    that has ended may show in the instance a moment later.
    """
    name, wanted = connection.role_name, parameters(connection.profile, profile, hub)
    is_defined = stack_sets.ensure_stack_set(name, wanted)
    instance = stack_sets.instance(name, connection.account_id)
    if instance and instance.in_progress:
        return Progress(ready=False, operation_id=instance.operation_id)
    if not is_defined or _is_behind(instance):
        first = update_id(operation_id)
        status = stack_sets.operation(name, first)
        if status is OperationStatus.UNKNOWN:
            stack_sets.start_update(name, connection.account_id, None if is_defined else wanted, first)
        if status is not OperationStatus.ENDED:
            return Progress(ready=False, operation_id=first)
    # Its end is the end of it, though AWS should show our body otherwise than we gave it: the sweep tells of that.
    if is_current(instance, wanted):
        return Progress(ready=True)
    match stack_sets.operation(name, operation_id):
        case OperationStatus.ENDED:
            why = stack_sets.failure(name, operation_id, connection.account_id)
            raise ConsumerRoleFailed(f"stack set {name}, operation {operation_id}: {why}")
        case OperationStatus.UNKNOWN:
            stack_sets.start_deployment(name, connection.account_id, wanted, operation_id, exists=instance is not None)
    return Progress(ready=False, operation_id=operation_id)


def _is_behind(instance: StackInstance | None) -> bool:
    """Whether the account's stack may have an older body than its stack set; one that was never made has none."""
    return instance is not None and not instance.is_current and bool(instance.stack_id)


def remove(connection: Connection, operation_id: str, stack_sets: StackSets, *, retain: bool) -> Removal:
    """Start the removal of the account's stack, or say what to wait for, or that it is gone.

    Judged by the instance as in `ensure`. An account that is gone keeps its stack (`retain`): nobody can reach it.
    """
    name, account_id = connection.role_name, connection.account_id
    instance = stack_sets.instance(name, account_id)
    if instance is None:
        return Removal(gone=True)
    if instance.in_progress:
        return Removal(gone=False, operation_id=instance.operation_id)
    match stack_sets.operation(name, operation_id):
        case OperationStatus.ENDED if retain:
            return Removal(gone=False, kept=True)
        case OperationStatus.ENDED:
            why = stack_sets.failure(name, operation_id, account_id)
            raise ConsumerRoleNotRemoved(f"stack set {name}, operation {operation_id}, {instance.stack_id}: {why}")
        case OperationStatus.UNKNOWN:
            stack_sets.check_mark(name)
            stack_sets.start_removal(name, account_id, operation_id, retain=retain)
    return Removal(gone=False, operation_id=operation_id)

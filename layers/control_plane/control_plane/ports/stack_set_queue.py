"""The queue of changes that wait for an operation of their stack set, and those who wait for the changes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from control_plane.account import AccountId, AccountValues


class ChangeKind(StrEnum):
    """What an account needs of its stack set. Changes of one kind can share an operation."""

    CREATE = "create"
    UPDATE_TEMPLATE = "update-template"  # bring the account's stack to the template of the stack set
    SET_PARAMETERS = "set-parameters"
    DELETE = "delete"
    RETAIN = "retain"  # delete the stack instance and leave the stack: the account can't be reached

    @property
    def deploys(self) -> bool:
        """Whether it deploys something. The other kinds remove."""
        return self not in (ChangeKind.DELETE, ChangeKind.RETAIN)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class QueuedChange(_Value):
    """The change an account waits for.

    `holder`: the execution that holds the account. `token`: the task token of whoever waits. `version`: the version of
    the consumer role it was asked for with. `requested_at`: ISO 8601. `values`: what the account's tags say about the
    profile; the operator checks it against the profile again.
    """

    account_id: AccountId
    kind: ChangeKind
    holder: str
    token: str
    version: str
    requested_at: str
    values: AccountValues = AccountValues()


class Batch(_Value):
    """The changes of one operation. `defines`: it first brings the stack set itself to what was built.

    `values`: what the tags of its accounts say about the profile. Accounts that say the same share an operation.
    """

    operation_id: str
    kind: ChangeKind
    accounts: tuple[AccountId, ...]
    version: str
    started_at: str
    defines: bool = False
    values: AccountValues = AccountValues()


class Rollout(_Value):
    """How far a version got: how many accounts got it, and why others failed before the first one got it.

    `shown`: how AWS showed the stack set once it was brought to this version, if not as it was built. `resumed`: which
    resume was known when this was stored; the failures are forgotten when there was another one.
    """

    version: str = ""
    succeeded: int = 0
    failures: tuple[str, ...] = ()
    failed_at: str = ""
    shown: str = ""
    resumed: str = ""

    def after(self, resume: str) -> "Rollout":
        """How far the version got, once that resume is known. What failed before says nothing any more."""
        forgotten = {} if resume == self.resumed else {"failures": (), "failed_at": "", "resumed": resume}
        return self.model_copy(update=forgotten)


@dataclass(frozen=True)
class QueueState:
    """All of one stack set's queue. `last_kind`: the kind of the batch before, so that no kind waits for ever.

    `stopped`: why a person stopped all deployments; empty: nobody did. `is_behind`: more of the batch is done than one
    look answered.
    """

    changes: tuple[QueuedChange, ...] = ()
    batch: Batch | None = None
    rollout: Rollout = field(default_factory=Rollout)
    last_kind: ChangeKind | None = None
    stopped: str = ""
    is_behind: bool = False

    def of_kind(self, kind: ChangeKind) -> list[QueuedChange]:
        """The changes of that kind."""
        return [each for each in self.changes if each.kind is kind]

    def without(self, changes: Collection[QueuedChange]) -> "QueueState":
        """The queue without these changes."""
        removed = set(changes)  # both may have thousands
        return replace(self, changes=tuple(each for each in self.changes if each not in removed))


class StackSetQueue(Protocol):
    """The changes that wait, by stack set and account. There is one operator of a queue at a time."""

    def enqueue(self, stack_set: str, change: QueuedChange) -> None:
        """Store the account's change; it replaces the one before."""

    def read(self, stack_set: str) -> QueueState:
        """The whole queue, read consistently. Malformed items are deleted."""

    def batch(self, stack_set: str) -> Batch | None:
        """The batch of the operation that runs, if any."""

    def remove(self, stack_set: str, change: QueuedChange) -> None:
        """Delete a change, unless it was replaced meanwhile."""

    def begin_batch(self, stack_set: str, batch: Batch) -> bool:
        """Store the batch before its operation is started; False when there is another batch."""

    def end_batch(self, stack_set: str, batch: Batch, rollout: Rollout) -> None:
        """Delete the batch, unless there is another one by now, and store how far its version got."""

    def stop(self, stack_set: str, why: str, now: str) -> None:
        """Let the operator deploy nothing, until it is resumed. Removals go on."""

    def stopped(self, stack_set: str) -> str:
        """Why a person stopped all deployments; empty: nobody did."""

    def resume(self, stack_set: str, now: str) -> None:
        """Let the operator deploy again. What failed before says nothing any more, also if it is stored later."""

    def epoch(self, stack_set: str) -> int:
        """The number of the operator that works, or is to work, on the queue."""

    def next_epoch(self, stack_set: str, epoch: int, now: str) -> int:
        """Replace this operator's number; returns the number in force, which may be another one's by now."""


class Operators(Protocol):
    """Executions of OperateStackSet."""

    def start(self, stack_set: str, epoch: int) -> bool:
        """Have the operator with that number run. False when it has ended."""


class WaitingTasks(Protocol):
    """Executions that wait on a task token."""

    def succeed(self, token: str, output: Mapping[str, Any]) -> None:
        """Let the execution go on with this output; nothing when it does not wait any more."""

    def fail(self, token: str, error: str, cause: str) -> None:
        """Let the execution's task fail; nothing when it does not wait any more."""


class Claims(Protocol):
    """The claims of accounts, as far as those who wait for their accounts need them."""

    def superseded(self, holders: Mapping[str, str]) -> Collection[str]:
        """Of accounts and their holders: the accounts that another one holds now, or that are to be assessed anew."""

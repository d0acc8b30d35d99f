"""Service-managed stack sets, which create the consumer roles."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class OperationStatus(StrEnum):
    """The status of a stack set operation. ENDED does not tell the result for one account."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    ENDED = "ended"


class OperationResult(NamedTuple):
    """The result of an operation for one account. It may be pending: then it has neither failed nor succeeded.

    `was_cancelled`: it failed because somebody stopped the operation before it reached the account.
    """

    has_succeeded: bool = False
    has_failed: bool = False
    was_cancelled: bool = False
    reason: str = ""


class StackInstance(NamedTuple):
    """The stack of one account in a stack set. `is_drifted`: only rebuilding the stack repairs it."""

    is_current: bool
    in_progress: bool
    parameters: Mapping[str, str]
    operation_id: str
    reason: str
    stack_id: str = ""
    is_drifted: bool = False

    def is_current_with(self, wanted: Mapping[str, str]) -> bool:
        """Whether it has the current template and these parameters."""
        return self.is_current and dict(self.parameters) == dict(wanted)


class StackSets(Protocol):
    """Service-managed stack sets, seen as the delegated administrator."""

    def ensure_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Create the stack set when it is missing; raises NotOurs when another one has its name.

        Returns whether template and parameters are those that were built. If not, `start_update` applies them.
        """

    def check_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """As `ensure_stack_set`, for a stack set that exists: False when it does not."""

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's template and parameters are those that were built."""

    def definition(self, name: str) -> str:
        """The stack set's template and parameters as AWS shows them, as a hash."""

    def start_update(
        self, name: str, accounts: Sequence[str], parameters: Mapping[str, str] | None, operation_id: str
    ) -> bool:
        """Bring the accounts' instances to the stack set's definition; idempotent by the operation id.

        With `parameters` the stack set first gets the template and the parameters that were built; there may then be no
        accounts. Instances of other accounts are not updated, but AWS then shows them as not current. Returns whether
        AWS started it: if none of the accounts has an instance any more, it does not.
        """

    def instance(self, name: str, account_id: str) -> StackInstance | None:
        """The account's instance, or None."""

    def operation(self, name: str, operation_id: str) -> OperationStatus:
        """The status of an operation."""

    def results(self, name: str, operation_id: str) -> Mapping[str, OperationResult]:
        """What an operation did so far, by account. AWS may show a result some time after the operation has ended."""

    def stop_operation(self, name: str, operation_id: str) -> None:
        """Stop an operation; accounts that it has not reached are cancelled. Nothing when it has ended."""

    def stop_drift_detection(self, name: str) -> None:
        """Stop a drift detection of ours that runs or is queued: it would keep other operations waiting."""

    def start_deployment(
        self, name: str, accounts: Sequence[str], parameters: Mapping[str, str], operation_id: str, *, exists: bool
    ) -> bool:
        """Create (or, when they exist, update) the accounts' instances; the operation id makes it idempotent.

        Returns whether AWS started it: if instances are to be updated and there are none any more, it does not.
        """

    def check_ownership(self, name: str) -> None:
        """Raise NotOurs when the stack set does not have our ownership tags."""

    def start_removal(self, name: str, accounts: Sequence[str], operation_id: str, *, retain: bool) -> None:
        """Delete the accounts' instances, and their stacks unless they are to be retained; idempotent by the id."""

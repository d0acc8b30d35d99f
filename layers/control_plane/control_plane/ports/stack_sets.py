"""Service-managed stack sets, which create the consumer roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class OperationStatus(StrEnum):
    """The status of a stack set operation. ENDED does not tell the result for one account."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class StackInstance:
    """The stack of one account in a stack set. `is_drifted`: only rebuilding the stack repairs it."""

    is_current: bool
    in_progress: bool
    parameters: Mapping[str, str]
    operation_id: str
    reason: str
    stack_id: str = ""
    is_drifted: bool = False


class StackSets(Protocol):
    """Service-managed stack sets, seen as the delegated administrator."""

    def ensure_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Create the stack set when it is missing; raises NotOurs when another one has its name.

        Returns whether template and parameters are those that were built. If not, `start_update` applies them.
        """

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's template and parameters are those that were built."""

    def start_update(self, name: str, account_id: str, parameters: Mapping[str, str] | None, operation_id: str) -> None:
        """Bring the account's instance to the stack set's definition; idempotent by the operation id.

        With `parameters` the stack set first gets the template and the parameters that were built; the account may then
        have no instance. Instances of other accounts are not updated, but AWS then shows them as not current.
        """

    def instance(self, name: str, account_id: str) -> StackInstance | None:
        """The account's instance, or None."""

    def operation(self, name: str, operation_id: str) -> OperationStatus:
        """The status of an operation."""

    def failure(self, name: str, operation_id: str, account_id: str) -> str:
        """AWS's message why an operation left the account without a current instance."""

    def start_deployment(
        self, name: str, account_id: str, parameters: Mapping[str, str], operation_id: str, *, exists: bool
    ) -> None:
        """Create (or, when it `exists`, update) the account's instance; the operation id makes it idempotent."""

    def check_ownership(self, name: str) -> None:
        """Raise NotOurs when the stack set does not have our ownership tags."""

    def start_removal(self, name: str, account_id: str, operation_id: str, *, retain: bool) -> None:
        """Delete the account's instance, and its stack unless it is to be retained; idempotent by the operation id."""

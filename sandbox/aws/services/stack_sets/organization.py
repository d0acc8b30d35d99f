"""What stack sets must know of the organization."""

from collections.abc import Collection
from typing import Protocol

SERVICE_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"


class Organization(Protocol):
    """The organization as the StackSets service sees it."""

    @property
    def management_account(self) -> str:
        """The account that owns the organization, and every service-managed stack set."""

    def accounts_below(self, parent: str) -> Collection[str] | None:
        """Ids of all accounts below a root or OU, at any depth, whatever their state; None for an unknown parent."""

    def state_of(self, account: str) -> str | None:
        """Organizations' State (ACTIVE, SUSPENDED, PENDING_CLOSURE, CLOSED); None for an account outside."""

    def delegated_administrators(self, service_principal: str) -> Collection[str]:
        """Ids of the accounts that administer the service for the organization."""

    def trust(self, service_principal: str) -> None:
        """Give a service trusted access to the organization."""

"""The organization's accounts."""

from typing import Protocol

from control_plane.account import Account


class Organization(Protocol):
    """The organization's accounts."""

    def account(self, account_id: str, opt_in_tag: str) -> Account:
        """One account with its tags; without the opt-in tag also the nearest parent that has it. Or AccountNotFound."""

    def units_above(self, account_id: str) -> tuple[str, ...]:
        """The ids of an account's parents, nearest first, the root last. Or ParentsUnknown."""


class AccountStates(Protocol):
    """Whether accounts are active members of the organization."""

    def is_active(self, account_id: str) -> bool:
        """Whether the account is in the organization, and active."""

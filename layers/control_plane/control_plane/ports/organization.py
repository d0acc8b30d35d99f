"""The organization's accounts."""

from typing import Protocol

from control_plane.account import Account


class Organization(Protocol):
    """The organization's accounts."""

    def account(self, account_id: str, opt_in_tag: str) -> Account:
        """One account with its tags; without the opt-in tag also the nearest parent that has it. Or AccountNotFound."""

    def units_above(self, account_id: str) -> tuple[str, ...]:
        """The ids of an account's parents, nearest first, the root last. Or ParentsUnknown."""

    def unit_name(self, account_id: str) -> str:
        """The name of the OU that the account is in; `Root` if it is in none. Or ParentsUnknown."""


class AccountTags(Protocol):
    """The tags of accounts, to read and write."""

    def tags(self, account_id: str) -> dict[str, str]:
        """An account's tags. Or MissingPermission, Throttled."""

    def set_tag(self, account_id: str, key: str, value: str) -> None:
        """Set one tag of an account; an empty value removes it. Or MissingPermission, Throttled."""


class AccountStates(Protocol):
    """Whether accounts are active members of the organization."""

    def is_active(self, account_id: str) -> bool:
        """Whether the account is in the organization, and active."""

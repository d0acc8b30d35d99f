"""The organization, read as a delegated administrator."""

from typing import TYPE_CHECKING, Any

from control_plane.account import ACTIVE, Account
from control_plane.asking import nearest
from control_plane.aws.calls import named_errors
from control_plane.errors import AccountNotFound

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


class AwsOrganization:
    """Port `Organization` over AWS Organizations."""

    def __init__(self, client: "OrganizationsClient") -> None:
        self._client = client

    def account(self, account_id: str, opt_in_tag: str) -> Account:
        """One account and its tags; the nearest unit above with the tag, if it has none itself. Or AccountNotFound."""
        with named_errors():
            found: Any = self._client.describe_account(AccountId=account_id)["Account"]
            tags = self.tags(account_id)
            unit = None if opt_in_tag in tags else nearest(units_above(found), self.tags, opt_in_tag)
        return Account(id=account_id, name=found.get("Name", account_id), state=state_of(found), tags=tags, unit=unit)

    def is_active(self, account_id: str) -> bool:
        """Whether the account is in the organization, and active."""
        try:
            with named_errors():
                found = self._client.describe_account(AccountId=account_id)["Account"]
        except AccountNotFound:
            return False
        return state_of(found) == ACTIVE

    def tags(self, resource_id: str) -> dict[str, str]:
        """The tags of an account, a unit or the root; AWS's own errors."""
        pages = self._client.get_paginator("list_tags_for_resource").paginate(ResourceId=resource_id)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def state_of(account: Any) -> str:
    """`State` replaced `Status` in September 2026; accounts of older API answers carry only the latter."""
    return str(account.get("State") or account["Status"])


def units_above(account: Any) -> list[str]:
    """The ids of the units above an account, nearest first, the root last: from its path o-…/r-…/ou-…/…/account."""
    paths = account.get("Paths") or [""]
    parts = paths[0].strip("/").split("/")
    return [part for part in reversed(parts) if part.startswith(("ou-", "r-"))]

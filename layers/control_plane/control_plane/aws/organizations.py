"""The organization, read as a delegated administrator."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from control_plane.account import ACTIVE, Account
from control_plane.aws.calls import named_errors
from control_plane.errors import AccountNotFound, ParentsUnknown
from control_plane.opt_in import nearest

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

ROOT = "Root"  # the name that AWS gives every root
DEEPEST = 10  # levels of parents; Organizations allows five OUs below the root


class AwsOrganization:
    """Port `Organization` over AWS Organizations."""

    def __init__(self, client: "OrganizationsClient") -> None:
        self._client = client

    def account(self, account_id: str, opt_in_tag: str) -> Account:
        """One account with its tags; without the opt-in tag also the nearest parent that has it. Or AccountNotFound."""
        with named_errors():
            found = self._describe(account_id)
            tags = self.tags(account_id)
            path = units_of_path(found)
            above = () if opt_in_tag in tags else path or self._parents(account_id)
            unit = nearest(above, self.tags, opt_in_tag)
        return Account(
            id=account_id,
            name=found.get("Name", account_id),
            state=state_of(found),
            tags=tags,
            unit=unit,
            above=tuple(path) or None,
        )

    def units_above(self, account_id: str) -> tuple[str, ...]:
        """The ids of an account's parents, nearest first, the root last. Or ParentsUnknown."""
        with named_errors():
            return tuple(self._parents(account_id))

    def unit_name(self, account_id: str) -> str:
        """The name of the OU that the account is in; `Root` if it is in none. Or ParentsUnknown."""
        with named_errors():
            parent = self.parent(account_id)
            if parent.startswith("r-"):
                return ROOT
            unit = self._client.describe_organizational_unit(OrganizationalUnitId=parent)["OrganizationalUnit"]
            return str(unit["Name"])

    def is_active(self, account_id: str) -> bool:
        """Whether the account is in the organization, and active."""
        try:
            with named_errors():
                return state_of(self._describe(account_id)) == ACTIVE
        except AccountNotFound:
            return False

    def _describe(self, account_id: str) -> Any:
        return self._client.describe_account(AccountId=account_id)["Account"]

    def parent(self, child_id: str) -> str:
        """The parent of an account or an OU; raises AWS's own errors, or ParentsUnknown."""
        pages = self._client.get_paginator("list_parents").paginate(ChildId=child_id)
        found = [parent["Id"] for page in pages for parent in page["Parents"]]
        if not found:
            raise ParentsUnknown(f"Organizations returned no parent of {child_id}, and no path of the account")
        return found[0]

    def _parents(self, child_id: str) -> Iterator[str]:
        """Each parent, read with ListParents: a response without a path does not mean that there are none."""
        for _ in range(DEEPEST):
            child_id = self.parent(child_id)
            yield child_id
            if child_id.startswith("r-"):
                return
        raise ParentsUnknown(
            f"Organizations returned {DEEPEST} parents one above the other, up to {child_id}, and no root"
        )

    def tags(self, resource_id: str) -> dict[str, str]:
        """The tags of an account, an OU or the root; raises AWS's own errors."""
        pages = self._client.get_paginator("list_tags_for_resource").paginate(ResourceId=resource_id)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


class AwsAccountTags:
    """Port `AccountTags` over AWS Organizations. A resource policy of the organization must allow it to write."""

    def __init__(self, client: "OrganizationsClient") -> None:
        self._client = client

    def tags(self, account_id: str) -> dict[str, str]:
        """An account's tags."""
        with named_errors():
            return AwsOrganization(self._client).tags(account_id)

    def set_tag(self, account_id: str, key: str, value: str) -> None:
        """Set one tag of an account; an empty value removes it."""
        with named_errors():
            if value:
                self._client.tag_resource(ResourceId=account_id, Tags=[{"Key": key, "Value": value}])
            else:
                self._client.untag_resource(ResourceId=account_id, TagKeys=[key])


def state_of(account: Any) -> str:
    """`State` replaced `Status` in September 2026; older responses have only the latter."""
    return str(account.get("State") or account["Status"])


def units_of_path(account: Any) -> list[str]:
    """The parents in an account's path o-…/r-…/ou-…/…/account, nearest first; none if the path is incomplete."""
    paths = account.get("Paths") or [""]
    parts = paths[0].strip("/").split("/")
    units = [part for part in reversed(parts) if part.startswith(("ou-", "r-"))]
    return units if units and units[-1].startswith("r-") else []

"""All accounts of the organization, read as a delegated administrator."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from control_plane.aws.calls import named_errors, tolerating, unless_missing
from control_plane.aws.organizations import AwsOrganization, state_of, units_of_path
from control_plane.errors import ParentsUnknown, Throttled
from control_plane.ports.listing import ListPage
from control_plane.sweep.ports import ListedAccount

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

NO_UNIT = ("TargetNotFoundException", "InvalidInputException")
PAGE = 20  # the maximum of ListAccounts


class AwsAccountListing:
    """Port `AccountListing` over AWS Organizations."""

    def __init__(self, client: "OrganizationsClient") -> None:
        self._client, self._organization = client, AwsOrganization(client)
        self._parents: dict[str, str] = {}  # of OUs only: an OU can't be moved

    def page(self, token: str) -> ListPage[ListedAccount]:
        """At most 20 accounts; an empty token: the first page."""
        following: Any = {"NextToken": token} if token else {}
        with named_errors():
            found: Any = self._client.list_accounts(MaxResults=PAGE, **following)
        return ListPage([_place(each) for each in found["Accounts"]], found.get("NextToken", ""))

    def units_above(self, account_id: str) -> tuple[str, ...] | None:
        """The parents of an account whose path is not in the list; None when they can't be read now.

        ListParents has half the rate limit of ListTagsForResource: a throttle here must not stop the whole list.
        """
        try:
            with named_errors(), tolerating("ChildNotFoundException"):
                return tuple(self._walk(account_id))
        except (Throttled, ParentsUnknown):
            return None
        return None

    def _walk(self, child_id: str) -> Iterator[str]:
        while not child_id.startswith("r-"):
            parent = self._parents.get(child_id) or self._organization.parent(child_id)
            if not child_id.isdigit():
                self._parents[child_id] = parent
            child_id = parent
            yield child_id

    def tags(self, resource_id: str) -> dict[str, str]:
        """The tags of an account, an OU or the root. None when it no longer exists: its reconcile handles that."""
        with named_errors(), tolerating("TargetNotFoundException"):
            return self._organization.tags(resource_id)
        return {}

    def has_unit(self, unit_id: str) -> bool:
        """Whether the organization has that OU or root. No other call that we may make answers this for both."""
        return unless_missing(NO_UNIT, self._client.list_tags_for_resource, ResourceId=unit_id) is not None


def _place(account: Any) -> ListedAccount:
    units = tuple(units_of_path(account)) or None
    return ListedAccount(account["Id"], account.get("Name", account["Id"]), state_of(account), units)

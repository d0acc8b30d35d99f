"""All accounts of the organization, read as a delegated administrator."""

from typing import TYPE_CHECKING, Any

from control_plane.aws.calls import named_errors, tolerating
from control_plane.aws.organizations import AwsOrganization, state_of, units_above
from control_plane.sweep.ports import Place, Read

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

PAGE = 20  # the most ListAccounts gives


class AwsAccountListing:
    """Port `AccountListing` over AWS Organizations."""

    def __init__(self, client: "OrganizationsClient") -> None:
        self._client, self._organization = client, AwsOrganization(client)

    def page(self, token: str) -> Read[Place]:
        """At most 20 accounts; an empty token: the first."""
        following: Any = {"NextToken": token} if token else {}
        with named_errors():
            found: Any = self._client.list_accounts(MaxResults=PAGE, **following)
        return Read([_place(each) for each in found["Accounts"]], found.get("NextToken", ""))

    def tags(self, resource_id: str) -> dict[str, str]:
        """The tags of an account, a unit or the root; none when it is gone meanwhile: whoever looks at it finds out."""
        with named_errors(), tolerating("TargetNotFoundException"):
            return self._organization.tags(resource_id)
        return {}


def _place(account: Any) -> Place:
    return Place(account["Id"], account.get("Name", account["Id"]), state_of(account), tuple(units_above(account)))

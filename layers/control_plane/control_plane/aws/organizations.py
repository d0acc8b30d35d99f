"""The organization, read as a delegated administrator."""

from typing import TYPE_CHECKING

from control_plane.account import Account
from control_plane.aws.calls import named_errors

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient


class AwsOrganization:
    """Port `Organization` over AWS Organizations."""

    def __init__(self, client: "OrganizationsClient") -> None:
        self._client = client

    def account(self, account_id: str) -> Account:
        """One account with its own tags; raises AccountNotFound."""
        with named_errors():
            found = self._client.describe_account(AccountId=account_id)["Account"]
            pages = self._client.get_paginator("list_tags_for_resource").paginate(ResourceId=account_id)
            tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        # `State` replaced `Status` in September 2026; accounts of older API answers carry only the latter.
        state = found.get("State") or found["Status"]
        return Account(id=account_id, name=found.get("Name", account_id), state=state, tags=tags)

"""More of what the sandbox's Organizations refuses unlike moto's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.organizations.models import organizations_backends

from sandbox.aws.services.organizations import Organizations
from tests.integration.sandbox.roles import code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.cloud import Cloud

TWICE: list[Any] = [{"Key": "quick-athena", "Value": "enabled"}, {"Key": "quick-athena", "Value": "paused"}]


@pytest.fixture
def organizations(cloud: Cloud) -> Organizations:
    service = Organizations(cloud)
    service.create_organization()
    return service


@pytest.fixture
def client(cloud: Cloud, organizations: Organizations) -> Iterator[Any]:
    with cloud.administering(organizations.management_account):
        yield cloud.client("organizations", "us-east-1")


def test_one_key_twice_in_a_request_is_refused(client: Any, organizations: Organizations) -> None:
    account_id = organizations.create_member("sales")
    with pytest.raises(ClientError) as caught:
        client.tag_resource(ResourceId=account_id, Tags=TWICE)

    assert caught.value.response["Reason"] == "DUPLICATE_TAG_KEY"  # type: ignore[typeddict-item]  # modeled member
    assert client.list_tags_for_resource(ResourceId=account_id)["Tags"] == []


def test_an_account_with_tags_that_cannot_be_is_not_even_begun(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.create_account(Email="sales@example.com", AccountName="sales", Tags=TWICE)

    assert code(caught) == "InvalidInputException"


def test_a_root_is_no_unit(client: Any, organizations: Organizations) -> None:
    with pytest.raises(ClientError) as caught:
        client.describe_organizational_unit(
            OrganizationalUnitId=organizations.root_id.replace("r-", "ou-") + "-a1b2c3d4"
        )

    assert code(caught) == "OrganizationalUnitNotFoundException"


def test_the_management_account_is_no_delegated_administrator(client: Any, organizations: Organizations) -> None:
    principal = "member.org.stacksets.cloudformation.amazonaws.com"
    with pytest.raises(ClientError) as caught:
        client.register_delegated_administrator(AccountId=organizations.management_account, ServicePrincipal=principal)

    assert code(caught) == "ConstraintViolationException"
    assert client.list_delegated_administrators()["DelegatedAdministrators"] == []


def test_only_a_closed_account_is_cleaned_up(organizations: Organizations) -> None:
    with pytest.raises(ValueError, match="is no closed account"):
        organizations.remove_closed_account(organizations.create_member("sales"))


def test_moto_alone_takes_system_tags_commas_and_one_key_twice() -> None:
    with mock_aws():
        organizations_backends.master_accounts.clear()
        alone = boto3.client("organizations", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        alone.create_organization(FeatureSet="ALL")
        root = alone.list_roots()["Roots"][0]["Id"]
        alone.tag_resource(ResourceId=root, Tags=[*TWICE, {"Key": "aws:owner", "Value": "ann,bob"}])

        assert len(alone.list_tags_for_resource(ResourceId=root)["Tags"]) >= 2

"""An organization's trail, as each of its accounts sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aws.cloud import ORGANIZATIONS_REGION
from sandbox.aws.services.cloudtrail import CloudTrail
from sandbox.aws.services.organizations import Organizations

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

OUTSIDER = "999988887777"


@pytest.fixture
def organizations(cloud: Cloud) -> Organizations:
    made = Organizations(cloud)
    made.create_organization()
    return made


def create_trails(cloud: Cloud) -> None:
    """One of the organization, and one of the management account's own that records one Region only."""
    with cloud.administering(cloud.topology.management):
        cloud.client("s3", ORGANIZATIONS_REGION).create_bucket(Bucket="trails-of-the-organization")
        trails = cloud.client("cloudtrail", ORGANIZATIONS_REGION)
        trails.create_trail(
            Name="everybody",
            S3BucketName="trails-of-the-organization",
            IsOrganizationTrail=True,
            IsMultiRegionTrail=True,
        )
        trails.create_trail(Name="own", S3BucketName="trails-of-the-organization")


def seen(cloud: Cloud, account: str, region: str, **requested: Any) -> list[str]:
    """The names of the trails an account sees in a Region."""
    with cloud.administering(account):
        found = cloud.client("cloudtrail", region).describe_trails(**requested)["trailList"]
    return [trail["Name"] for trail in found]


def test_an_organizations_trail_is_seen_in_each_of_its_accounts(cloud: Cloud, organizations: Organizations) -> None:
    cloud.gateway.handle("cloudtrail", DescribeTrails=CloudTrail(organizations).describe)
    create_trails(cloud)
    place = cloud.topology
    assert seen(cloud, place.management, ORGANIZATIONS_REGION) == ["everybody", "own"]
    assert seen(cloud, place.management, place.region) == ["everybody"]
    assert seen(cloud, place.hub, ORGANIZATIONS_REGION) == ["everybody"]
    assert seen(cloud, place.hub, place.region, includeShadowTrails=False) == []
    assert seen(cloud, place.management, ORGANIZATIONS_REGION, trailNameList=["own"]) == ["own"]
    assert seen(cloud, OUTSIDER, ORGANIZATIONS_REGION) == []


def test_a_trail_says_whether_it_has_selectors_of_its_own(cloud: Cloud, organizations: Organizations) -> None:
    cloud.gateway.handle("cloudtrail", DescribeTrails=CloudTrail(organizations).describe)
    create_trails(cloud)
    selectors = [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]
    with cloud.administering(cloud.topology.management):
        trails = cloud.client("cloudtrail", ORGANIZATIONS_REGION)
        trails.put_event_selectors(TrailName="own", EventSelectors=selectors)
        found = {each["Name"]: each["HasCustomEventSelectors"] for each in trails.describe_trails()["trailList"]}
    assert found == {"everybody": False, "own": True}


def test_moto_alone_never_says_that_a_trail_has_selectors(cloud: Cloud) -> None:
    create_trails(cloud)
    with cloud.administering(cloud.topology.management):
        trails = cloud.client("cloudtrail", ORGANIZATIONS_REGION)
        trails.put_event_selectors(TrailName="own", EventSelectors=[{"ReadWriteType": "ReadOnly"}])
        assert not any(each["HasCustomEventSelectors"] for each in trails.describe_trails()["trailList"])


def test_moto_alone_shows_it_to_the_management_account_only(cloud: Cloud) -> None:
    create_trails(cloud)
    assert seen(cloud, cloud.topology.management, cloud.topology.region) == ["everybody"]
    assert seen(cloud, cloud.topology.hub, ORGANIZATIONS_REGION) == []

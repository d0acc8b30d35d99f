"""Port `AccessPolicies`, and with it `Shards`: the shards attached to the run-as role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from control_plane.access_policy import Shard
from control_plane.aws.iam import AwsAccessPolicies
from control_plane.ports.access import NO_VERSION
from control_plane.steps.access import external_ids
from tests.fakes import QUOTA, FakeAccessPolicies

if TYPE_CHECKING:
    from control_plane.ports.access import AccessPolicies
    from tests.deployed_hub import Deployed

ARN = "arn:aws:iam::222233334444:role/quick-athena-"


@pytest.fixture
def policies(deployed: Deployed | None) -> AccessPolicies:
    if deployed is None:
        return FakeAccessPolicies()
    return AwsAccessPolicies(deployed.client_as("EnsureAccess", "iam"), deployed.hub, external_ids(deployed.hub))


def test_at_first_there_is_no_shard(policies: AccessPolicies) -> None:
    assert (policies.shards(), dict(policies.versions()), policies.quota()) == ([], {}, QUOTA)


def test_a_shard_is_written_read_and_taken_away(policies: AccessPolicies) -> None:
    first = policies.write(Shard(1, (ARN,)))
    assert policies.shards() == [Shard(1, (ARN,))]
    assert policies.versions() == {"quick-athena-access-1": first}
    for number in range(7):  # IAM keeps five versions
        last = policies.write(Shard(1, (ARN, f"{ARN}-{number}")))
    assert policies.versions() == {"quick-athena-access-1": first}, "as of the last reading"
    assert policies.shards() == [Shard(1, (ARN, f"{ARN}-6"))]
    assert policies.versions() == {"quick-athena-access-1": last}
    assert last == first.replace("/v1", "/v8")
    assert policies.write(Shard(1, ())) == NO_VERSION
    assert (policies.shards(), policies.versions()) == ([], {})


def test_a_shard_that_was_emptied_and_filled_again_counts_its_versions_anew(policies: AccessPolicies) -> None:
    first = policies.write(Shard(1, (ARN,)))
    policies.write(Shard(1, ()))
    again = policies.write(Shard(1, (ARN,)))
    assert again.endswith("/v1")
    assert again != first


def test_taking_away_what_is_not_there_is_no_error(policies: AccessPolicies) -> None:
    assert policies.write(Shard(1, ())) == NO_VERSION
    assert policies.shards() == []


def test_shards_are_read_in_order_and_so_are_their_entries(policies: AccessPolicies) -> None:
    for number in (10, 2, 1):
        policies.write(Shard(number, (f"{ARN}b", f"{ARN}a", f"{ARN}a")))
    assert policies.shards() == [Shard(number, (f"{ARN}a", f"{ARN}b")) for number in (1, 2, 10)]


def test_what_is_in_force_stays_so_whatever_is_tidied(policies: AccessPolicies) -> None:
    for number in (1, 2):
        policies.write(Shard(number, (ARN,)))
    policies.tidy({2})
    assert policies.shards() == [Shard(1, (ARN,)), Shard(2, (ARN,))]

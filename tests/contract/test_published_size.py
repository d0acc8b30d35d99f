"""What profiles may publish at most fits into the policy that the consumer role's template makes of it."""

import json
from itertools import count
from typing import Any

import pytest

from control_plane.profiles import LONGEST, PUBLISHER_PLACES, Profile, parameters
from control_plane.publications import oversized, with_publishers
from tests.contract import filled

POLICY_SIZE = 6_144  # characters of a managed policy, without white space (IAM's quotas)
READER = "r" * 32  # the longest name of a profile
READ = {"description": "a reader's own", "databases": ["own"], "owners": ["owners"]}
SOLD = {"description": "what is sold", "databases": ["abc"], "owners": ["owners"], "publishes_to": ["r-ab12"]}


def published(kind: str, number: int) -> Profile:
    """A profile that publishes so many things of a kind, under the shortest names."""
    names = [f"{each:03x}" for each in range(number)]
    values: dict[str, Any] = {
        "databases": {"databases": names},
        "tables": {"tables": [f"abc/{each}" for each in names]},
        "buckets": {"data_buckets": names},
        "prefixes": {"data_buckets": [f"abc/{each}" for each in names]},
        "accounts": {"data_buckets": [f"{each}{{account}}" for each in names]},
        "keys": {"data_buckets": ["abc"], "kms_key_aliases": [f"alias/{each}" for each in names]},
        "large": {"databases": [f"{each}{'x' * 200}" for each in names]},
    }[kind]
    return Profile.model_validate({**SOLD, **values})


def largest(kind: str) -> Profile:
    """The largest of them that is accepted."""
    fitting = (each for each in count(1) if list(oversized({"sold": published(kind, each + 1)})))
    return published(kind, next(fitting))


def policy(profile: Profile) -> str:
    """PublishedReads without white space, where names are longest and every place is taken."""
    own = parameters(READER, Profile.model_validate(READ), LONGEST)
    places = [f"{number:012} sold" for number in range(len(PUBLISHER_PLACES))]
    given = with_publishers(own, places, {"sold": profile}.__getitem__, LONGEST)
    body = filled.Filled(filled.BODY, filled.MEMBER, given)
    document = json.dumps(body.resources()["PublishedReads"]["Properties"]["PolicyDocument"], separators=(",", ":"))
    return document.replace(filled.REGION, LONGEST.region).replace("arn:aws:", f"arn:{LONGEST.partition}:")


@pytest.mark.parametrize("kind", ["databases", "tables", "buckets", "prefixes", "accounts", "keys", "large"])
def test_the_most_that_profiles_may_publish_fits_into_a_readers_policy(kind: str) -> None:
    assert len(policy(largest(kind))) <= POLICY_SIZE


def test_not_much_less_than_fits_is_accepted() -> None:
    assert POLICY_SIZE - len(policy(largest("keys"))) < 100, "it has every statement"

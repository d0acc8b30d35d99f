"""What Quick lacks of a profile: left out and named, unless nobody would own the data source."""

import pytest

from control_plane.errors import GroupNotFound
from control_plane.profiles import Profile
from control_plane.readiness import check, reachable
from tests.fakes import FakeQuickAccount
from tests.unit.control_plane.vocabulary import profile

SHARED = {
    "owners": ["owners", "leads"],
    "owner_users": ["ann"],
    "viewers": ["authors", "leads", "guests"],
    "viewer_users": ["ben"],
    "folder": "sales",
}


def quick() -> FakeQuickAccount:
    account = FakeQuickAccount(groups=["owners", "authors"])
    account.users = {"ann"}
    return account


def test_what_quick_has_is_kept_and_what_it_lacks_is_named_once() -> None:
    found, lacking = reachable(profile(**SHARED), quick())
    kept = {"owners": ["owners"], "owner_users": ["ann"], "viewers": ["authors"], "viewer_users": [], "folder": None}
    assert found == profile(**SHARED).model_copy(update=kept)
    assert lacking == (
        "Quick has no group leads, guests and no user ben and no folder sales, which profiles.yaml names"
    )


def test_a_profile_of_which_quick_lacks_nothing_stays_as_it_is() -> None:
    whole = quick()
    whole.groups |= {"leads", "guests"}
    whole.users.add("ben")
    whole.folders.add("sales")
    assert reachable(profile(**SHARED), whole) == (profile(**SHARED), "")


@pytest.mark.parametrize("owned", [{"owners": ["owners", "leads"]}, {"owners": [], "owner_users": ["ann"]}])
def test_one_owner_is_enough(owned: dict[str, list[str]]) -> None:
    check(profile(**owned), quick())


@pytest.mark.parametrize("owned", [profile(owners=["leads"]), profile(owners=["leads"], owner_users=["ben"])])
def test_a_data_source_that_nobody_would_own_is_refused(owned: Profile) -> None:
    with pytest.raises(GroupNotFound, match="nobody would own the data source: Quick has no group leads"):
        check(owned, quick())

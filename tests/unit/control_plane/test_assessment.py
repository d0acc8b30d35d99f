"""One look at one account: everything read anew, nothing changed."""

import pytest

from control_plane.access_policy import Shard
from control_plane.account import Account, Unit
from control_plane.assessment import Assessment, AssessmentDependencies, assess
from control_plane.decision import Action
from control_plane.errors import AccountNotActive, AccountNotFound, InvalidProfiles, InvalidTagValue
from control_plane.observation import ObservationDependencies
from control_plane.profiles import Profile
from tests.fakes import (
    FakeAccessPolicies,
    FakeDataSources,
    FakeOrganization,
    FakeQuickAccount,
    FakeRegistry,
    FakeStackSets,
)
from tests.unit.control_plane.vocabulary import CONSUMER, HUB, OPT_IN_POLICY, TODAY, account, entry, profile


def broken_file() -> dict[str, Profile]:
    raise InvalidProfiles("profiles.yaml is not YAML")


def assessed(
    *accounts: Account,
    allowed: bool = False,
    recorded: str | None = None,
    quick: FakeQuickAccount | None = None,
    broken: bool = False,
) -> Assessment:
    planes = ObservationDependencies(
        FakeStackSets(HUB),
        FakeAccessPolicies(*([Shard(1, (entry(),))] if allowed else [])),
        FakeDataSources(HUB),
        FakeRegistry([(CONSUMER, "default", recorded)] if recorded else []),
        quick or FakeQuickAccount(),
    )
    load = broken_file if broken else lambda: {"default": profile()}
    deps = AssessmentDependencies(FakeOrganization(*accounts), planes, load)
    return assess(CONSUMER, OPT_IN_POLICY, HUB, deps, TODAY)


def actions(found: Assessment) -> dict[str, Action]:
    return {planned.profile: planned.action for planned in found.actions}


def test_a_tagged_account_is_to_be_connected() -> None:
    found = assessed(account("enabled"))
    assert found.account == account("enabled")
    assert actions(found) == {"default": Action.CONNECT}


def test_an_account_without_tag_and_without_anything_of_ours_needs_nothing() -> None:
    assert assessed(account()).actions == []


def test_an_untagged_account_that_may_be_queried_is_quarantined() -> None:
    found = assessed(account(), allowed=True, recorded="connected")
    assert actions(found) == {"default": Action.QUARANTINE}
    assert found.actions[0].reason == "the account has no tag quick-athena"


def test_a_suspended_account_is_quarantined_although_its_tag_stands() -> None:
    found = assessed(account("enabled", state="SUSPENDED"), allowed=True, recorded="connected")
    assert actions(found) == {"default": Action.QUARANTINE}
    assert found.actions[0].reason == "the account is SUSPENDED"


def test_a_departed_account_is_quarantined() -> None:
    found = assessed(allowed=True, recorded="connected")
    assert actions(found) == {"default": Action.QUARANTINE}
    assert (found.account.name, found.actions[0].reason) == (CONSUMER, "the account is not in the organization")


def test_a_departed_account_found_in_quarantine_already_is_no_failure() -> None:
    assert actions(assessed(recorded="removed")) == {"default": Action.NOTHING}


def test_an_account_nobody_ever_knew_is_not_found() -> None:
    with pytest.raises(AccountNotFound):
        assessed()


@pytest.mark.parametrize("tag", ["", "Enabled", "enabled paused"])
def test_a_tag_that_cannot_be_read_gives_nothing_and_takes_nothing(tag: str) -> None:
    with pytest.raises(InvalidTagValue):
        assessed(account(tag), allowed=True, recorded="connected")


def test_a_suspended_account_that_asks_and_has_nothing_is_told_so() -> None:
    with pytest.raises(AccountNotActive, match=r"^the account is SUSPENDED, so it can't be connected as its tag"):
        assessed(account("enabled", state="SUSPENDED"))


def test_a_suspended_account_that_asks_for_nothing_needs_nothing() -> None:
    assert assessed(account("paused", state="SUSPENDED")).actions == []


def test_a_broken_profiles_file_stops_a_connection_but_keeps_no_access_alive() -> None:
    with pytest.raises(InvalidProfiles):
        assessed(account("enabled"), allowed=True, recorded="connected", broken=True)
    assert actions(assessed(account(), allowed=True, recorded="connected", broken=True)) == {
        "default": Action.QUARANTINE
    }


@pytest.mark.parametrize(
    ("quick", "error", "said"),
    [
        (FakeQuickAccount(None), "QuickNotReady", "not subscribed"),
        (FakeQuickAccount("STANDARD"), "QuickNotReady", "STANDARD Edition"),
        (FakeQuickAccount(groups=["authors"]), "GroupNotFound", "owners"),
    ],
)
def test_what_quick_could_not_take_is_refused_before_anything_is_begun(
    quick: FakeQuickAccount, error: str, said: str
) -> None:
    (planned,) = assessed(account("enabled"), quick=quick).actions
    assert (planned.action, planned.error) == (Action.REFUSE, error)
    assert said in planned.reason


def test_quick_is_asked_only_when_a_connection_begins() -> None:
    quick = FakeQuickAccount()
    assessed(account(), allowed=True, recorded="connected", quick=quick)
    assert quick.asked == 0


def test_the_name_of_the_ou_is_read_only_if_a_profile_needs_it() -> None:
    organization = FakeOrganization(account("enabled"))
    organization.names[CONSUMER] = "Consumers"
    parts = (FakeStackSets(HUB), FakeAccessPolicies(), FakeDataSources(HUB), FakeRegistry(), FakeQuickAccount())
    for changes, name in (({}, ""), ({"display_name": "{ou} {account}"}, "Consumers")):
        profiles = {"default": profile(**changes)}
        deps = AssessmentDependencies(organization, ObservationDependencies(*parts), lambda found=profiles: found)  # type: ignore[misc]  # a default that binds
        (planned,) = assess(CONSUMER, OPT_IN_POLICY, HUB, deps, TODAY).actions
        assert planned.ou == name


# --- profiles that are offered to some only ----------------------------------------------------------

INNER, OUTER, ROOT, OTHER = "ou-ab12-inner0001", "ou-ab12-outer0001", "r-ab12", "ou-ab12-another01"


def offered(
    offer: dict[str, list[str]], above: tuple[str, ...] | None = (INNER, OUTER, ROOT), *, allowed: bool = False
) -> Assessment:
    """An account below these parents, whose tag names a profile that is offered like this."""
    asking = account("enabled").model_copy(update={"above": above})
    organization = FakeOrganization(asking)
    organization.units[CONSUMER] = [Unit(id=each, tags={}) for each in (INNER, OUTER, ROOT)]
    shards = [Shard(1, (entry(),))] if allowed else []
    registry = FakeRegistry([(CONSUMER, "default", "connected")] if allowed else [])
    planes = ObservationDependencies(
        FakeStackSets(HUB), FakeAccessPolicies(*shards), FakeDataSources(HUB), registry, FakeQuickAccount()
    )
    profiles = {"default": profile(**offer)}
    deps = AssessmentDependencies(organization, planes, lambda: profiles)
    return assess(CONSUMER, OPT_IN_POLICY, HUB, deps, TODAY)


@pytest.mark.parametrize("offer", [{}, {"accounts": [CONSUMER]}, {"units": [OUTER]}, {"units": [ROOT, OTHER]}])
@pytest.mark.parametrize("above", [(INNER, OUTER, ROOT), None])
def test_an_account_may_have_what_is_offered_to_it(offer: dict[str, list[str]], above: tuple[str, ...] | None) -> None:
    assert actions(offered(offer, above)) == {"default": Action.CONNECT}


@pytest.mark.parametrize(
    ("offer", "whom"),
    [
        ({"accounts": ["111122223333", "222211113333"]}, "111122223333, 222211113333"),
        ({"units": [OTHER]}, f"what is below {OTHER}"),
        ({"accounts": ["111122223333"], "units": [OTHER, INNER[:-1]]}, None),
    ],
)
@pytest.mark.parametrize("above", [(INNER, OUTER, ROOT), None])
def test_others_are_refused_in_words(
    offer: dict[str, list[str]], whom: str | None, above: tuple[str, ...] | None
) -> None:
    (planned,) = offered(offer, above).actions
    assert (planned.action, planned.error) == (Action.REFUSE, "ProfileNotOffered")
    whom = whom or f"111122223333 and to what is below {OTHER} or {INNER[:-1]}"
    assert planned.reason == f"profiles.yaml does not offer the profile 'default' to this account, only to {whom}"


def test_who_has_a_profile_that_is_not_offered_any_more_loses_it() -> None:
    assert actions(offered({"units": [OTHER]}, allowed=True)) == {"default": Action.QUARANTINE}

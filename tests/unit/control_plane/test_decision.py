"""The decision table: what a tag and a state ask for, and what to do about the difference."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.account import Account
from control_plane.decision import Action, Asked, Desired, Observed, Presence, Step, asked, desired, plan
from control_plane.errors import AccountNotReachable, InvalidTagValue
from tests.unit.control_plane.vocabulary import HUB, HUB_ACCOUNT, MANAGEMENT, TAG, account

NAMES = ("default", "finance", "sales")
WRITE = "write enabled, paused, disabled, or profile names separated by spaces"
ONE_OR_OTHER = "with profile names: write the one or the other"
NO_NAME = "which is no profile name (lower-case letters, digits, hyphens)"


def ask(tag: str | None, *, state: str = "ACTIVE", account_id: str = "222233334444") -> Desired:
    return desired(asked(account(tag, state=state, account_id=account_id), HUB, TAG), NAMES)


# --- desired: what the organization asks for ----------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "profiles", "says"),
    [
        ("enabled", ("default",), "enabled"),
        (" enabled ", ("default",), "enabled"),
        ("enabled enabled", ("default",), "enabled enabled"),
        ("default", ("default",), "default"),
        ("sales", ("sales",), "sales"),
        ("sales finance", ("sales", "finance"), "sales finance"),
        ("finance sales", ("finance", "sales"), "finance sales"),
        ("  sales   finance ", ("sales", "finance"), "sales   finance"),
        ("sales\tfinance", ("sales", "finance"), "sales\tfinance"),
        ("sales sales", ("sales",), "sales sales"),
        ("sales default sales", ("sales", "default"), "sales default sales"),
    ],
)
def test_a_tag_names_profiles_in_its_own_order_each_once(tag: str, profiles: tuple[str, ...], says: str) -> None:
    assert ask(tag) == Desired(profiles=profiles, reason=f"the tag quick-athena says {says}")


@pytest.mark.parametrize("tag", ["paused", " paused ", "paused paused", "disabled", "disabled\t"])
def test_paused_and_disabled_ask_for_nothing(tag: str) -> None:
    assert ask(tag) == Desired(reason=f"the tag quick-athena says {tag.split(maxsplit=1)[0]}")


def test_no_tag_asks_for_nothing() -> None:
    assert ask(None) == Desired(reason="the account has no tag quick-athena")


def test_only_our_own_tag_counts() -> None:
    tagged = Account(id="222233334444", name="sales", state="ACTIVE", tags={"Quick-Athena": "enabled", "quick": "x"})
    assert asked(tagged, HUB, TAG).words == ()


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "not in the organization"])
@pytest.mark.parametrize("tag", ["enabled", "paused", "", "Sales!", "unknown", None])
def test_an_account_that_is_not_active_is_asked_nothing_whatever_its_tag(tag: str | None, state: str) -> None:
    assert ask(tag, state=state) == Desired(reason=f"the account is {state}")


@pytest.mark.parametrize(("tag", "denied"), [("enabled", True), ("Sales!", True), ("paused", False), (None, False)])
def test_an_account_that_asks_but_is_not_active_is_denied(tag: str | None, denied: bool) -> None:  # noqa: FBT001
    wish = asked(account(tag, state="SUSPENDED"), HUB, TAG)
    assert wish == Asked(reason="the account is SUSPENDED", denied=denied)


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("", f"the tag quick-athena is empty: {WRITE}"),
        ("   ", f"the tag quick-athena is empty: {WRITE}"),
        ("enabled sales", f"the tag quick-athena mixes enabled {ONE_OR_OTHER}"),
        ("sales paused", f"the tag quick-athena mixes paused {ONE_OR_OTHER}"),
        ("disabled default", f"the tag quick-athena mixes disabled {ONE_OR_OTHER}"),
        ("enabled paused", "the tag quick-athena says enabled and paused: write one of them"),
        ("paused disabled", "the tag quick-athena says paused and disabled: write one of them"),
        ("enabled sales paused", f"the tag quick-athena mixes enabled and paused {ONE_OR_OTHER}"),
        ("Enabled", f"the tag quick-athena has 'Enabled', {NO_NAME}; did you mean enabled?"),
        ("PAUSED", f"the tag quick-athena has 'PAUSED', {NO_NAME}; did you mean paused?"),
        ("sales Finance", f"the tag quick-athena has 'Finance', {NO_NAME}; did you mean finance?"),
        ("sales+finance", f"the tag quick-athena has 'sales+finance', {NO_NAME}"),
        ("sales_eu", f"the tag quick-athena has 'sales_eu', {NO_NAME}"),
        ("-", f"the tag quick-athena has '-', {NO_NAME}"),
        ("a" * 33, f"the tag quick-athena has '{'a' * 33}', {NO_NAME}"),
    ],
)
def test_a_tag_that_cannot_be_read_is_refused_in_words(tag: str, message: str) -> None:
    with pytest.raises(InvalidTagValue) as refused:
        ask(tag)
    assert str(refused.value) == message


def test_an_unknown_profile_is_refused_and_the_known_ones_are_given() -> None:
    assert ask("sales marketing") == Desired(
        profiles=("sales",),
        reason="the tag quick-athena says sales marketing",
        refused={"marketing": "profiles.yaml defines no profile 'marketing'; it defines default, finance, sales"},
    )


@pytest.mark.parametrize("tag", ["enabled", "sales", "unknown", "", "Sales!"])
def test_the_management_account_and_the_hub_cannot_be_connected(tag: str) -> None:
    with pytest.raises(AccountNotReachable, match=r"^the management account can't be connected: service-managed"):
        ask(tag, account_id=MANAGEMENT)
    with pytest.raises(AccountNotReachable, match=r"^the hub account needs no connection: Quick reads its own"):
        ask(tag, account_id=HUB_ACCOUNT)


@pytest.mark.parametrize("account_id", [MANAGEMENT, HUB_ACCOUNT])
@pytest.mark.parametrize("tag", [None, "paused", " disabled "])
def test_the_management_account_and_the_hub_may_decline(tag: str | None, account_id: str) -> None:
    assert ask(tag, account_id=account_id).profiles == ()


@given(st.text(max_size=40))
def test_no_tag_value_gives_more_than_it_names(tag: str) -> None:
    try:
        wanted = ask(tag)
    except InvalidTagValue:
        return
    assert {*wanted.profiles, *wanted.refused} <= ({"default"} if tag.split() == ["enabled"] else set(tag.split()))


# --- plan: the difference ------------------------------------------------------------------------

RECORDED = (None, "connecting", "connected", "quarantined", "removed", "failed")
WANTED = Desired(profiles=("default",), reason="the tag says so")
UNWANTED = Desired(reason="the tag is gone")


def every_observation() -> list[Observed]:
    return [
        Observed(profile="default", consumer_role=role, access=access, data_source=source, recorded=recorded)
        for role, access, source, recorded in product(Presence, (True, False), Presence, RECORDED)
    ]


def action(wanted: Desired, seen: Observed) -> Action:
    (step,) = plan(wanted, {seen.profile: seen})
    assert step.profile == seen.profile
    return step.action


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_wanted_connection_is_left_alone_only_when_complete_and_recorded_connected(seen: Observed) -> None:
    complete = (seen.consumer_role, seen.access, seen.data_source) == (Presence.CURRENT, True, Presence.CURRENT)
    done = complete and seen.recorded == "connected"
    assert action(WANTED, seen) is (Action.NOTHING if done else Action.CONNECT)


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_connection_begins_only_where_nothing_can_be_queried_yet(seen: Observed) -> None:
    (step,) = plan(WANTED, {"default": seen})
    assert step.begins == (not seen.access and seen.data_source is Presence.ABSENT)


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_an_unwanted_connection_is_quarantined_forgotten_or_left_alone(seen: Observed) -> None:
    nothing_there = (seen.consumer_role, seen.access, seen.data_source) == (Presence.ABSENT, False, Presence.ABSENT)
    if nothing_there:
        expected = Action.NOTHING if seen.recorded in (None, "removed") else Action.FORGET
    else:
        expected = Action.NOTHING if seen.recorded == "quarantined" and not seen.access else Action.QUARANTINE
    assert action(UNWANTED, seen) is expected


@pytest.mark.parametrize("seen", [seen for seen in every_observation() if seen.access], ids=str)
def test_access_nobody_wants_is_always_revoked_whatever_the_registry_says(seen: Observed) -> None:
    assert action(UNWANTED, seen) is Action.QUARANTINE


def test_a_wanted_connection_never_seen_is_connected() -> None:
    (step,) = plan(WANTED, {})
    assert (step.profile, step.action, step.reason) == ("default", Action.CONNECT, "the tag says so")


def test_an_unknown_profile_is_refused_with_its_reason_and_error() -> None:
    wanted = Desired(reason="the tag says gone", refused={"gone": "nobody defined it"})
    (step,) = plan(wanted, {})
    assert (step.action, step.reason, step.error) == (Action.REFUSE, "nobody defined it", "UnknownProfile")


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_strangers_data_source_is_refused_and_hinders_no_revocation(seen: Observed) -> None:
    seen = seen.model_copy(update={"stranger": "it is somebody's"})
    (step,) = plan(WANTED, {"default": seen})
    assert (step.action, step.error, step.reason) == (Action.REFUSE, "NotOurs", "it is somebody's")
    if seen.access:
        assert action(UNWANTED, seen) is Action.QUARANTINE


def test_a_profile_that_left_the_file_takes_the_access_it_gave_with_it() -> None:
    wanted = Desired(reason="the tag says gone", refused={"gone": "nobody defined it"})
    seen = Observed(profile="gone", consumer_role=Presence.DIFFERENT, access=True, recorded="connected")
    (step,) = plan(wanted, {"gone": seen})
    assert (step.action, step.reason) == (Action.QUARANTINE, "nobody defined it")


def test_each_connection_is_planned_by_itself() -> None:
    wanted = Desired(profiles=("sales", "finance"), reason="r", refused={"marketing": "unknown"})
    complete = Observed(
        profile="finance",
        consumer_role=Presence.CURRENT,
        access=True,
        data_source=Presence.CURRENT,
        recorded="connected",
    )
    steps = plan(wanted, {"finance": complete, "old": Observed(profile="old", access=True)})
    assert {step.profile: step.action for step in steps} == {
        "sales": Action.CONNECT,
        "finance": Action.NOTHING,
        "marketing": Action.REFUSE,
        "old": Action.QUARANTINE,
    }


names = st.sampled_from(["default", "sales", "finance", "old", "older"])
observations = st.dictionaries(names, st.sampled_from(every_observation())).map(
    lambda seen: {name: observed.model_copy(update={"profile": name}) for name, observed in seen.items()}
)
wishes = st.lists(names, unique=True).map(lambda wanted: Desired(profiles=tuple(wanted), reason="r"))


@given(wanted=wishes, seen=observations)
def test_a_plan_has_one_step_for_each_connection_concerned(wanted: Desired, seen: dict[str, Observed]) -> None:
    steps = plan(wanted, seen)
    assert sorted(step.profile for step in steps) == sorted({*wanted.profiles, *seen})


@given(wanted=wishes, seen=observations)
def test_a_converged_world_needs_nothing(wanted: Desired, seen: dict[str, Observed]) -> None:
    world = seen
    for _ in range(2):  # an entry without role and data source is revoked first and found to be nothing then
        world = {step.profile: carried_out(step, world) for step in plan(wanted, world)}
    assert {step.action for step in plan(wanted, world)} <= {Action.NOTHING}


def carried_out(step: Step, world: dict[str, Observed]) -> Observed:
    """What the state machine leaves behind when a step's path did its work."""
    before = world.get(step.profile, Observed(profile=step.profile))
    match step.action:
        case Action.CONNECT:
            done = {"consumer_role": Presence.CURRENT, "access": True, "data_source": Presence.CURRENT}
            return before.model_copy(update={**done, "recorded": "connected"})
        case Action.QUARANTINE:
            return before.model_copy(update={"access": False, "recorded": "quarantined"})
        case Action.FORGET:
            return before.model_copy(update={"recorded": "removed"})
    return before

"""What an account's tags ask for, its own and those above it."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.account import Account, Unit
from control_plane.decision import Desired, Refused, desired
from control_plane.errors import AccountNotReachable, InvalidExpiry, InvalidTagValue
from control_plane.opt_in import OptInRequest, read_opt_in
from tests.unit.control_plane.vocabulary import (
    HUB,
    HUB_ACCOUNT,
    MANAGEMENT,
    OPT_IN_POLICY,
    TAG,
    TODAY,
    account,
    profile,
)

NAMES = ("default", "finance", "sales")
WRITE = "write enabled, paused, disabled, or profile names separated by spaces"
ONE_OR_OTHER = "with profile names: write the one or the other"
NO_NAME = "which is no profile name (lower-case letters, digits, hyphens)"
EXPIRES = OPT_IN_POLICY.expires_tag


def ask(tag: str | None, *, state: str = "ACTIVE", account_id: str = "222233334444") -> Desired:
    asking = account(tag, state=state, account_id=account_id)
    profiles = dict.fromkeys(NAMES, profile())
    return desired(read_opt_in(asking, HUB, OPT_IN_POLICY, TODAY), asking, profiles)


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
    assert read_opt_in(tagged, HUB, OPT_IN_POLICY, TODAY).profile_names == ()


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "not in the organization"])
@pytest.mark.parametrize("tag", ["enabled", "paused", "", "Sales!", "unknown", None])
def test_an_account_that_is_not_active_is_asked_nothing_whatever_its_tag(tag: str | None, state: str) -> None:
    assert ask(tag, state=state) == Desired(reason=f"the account is {state}", account_inactive=True)


@pytest.mark.parametrize(("tag", "denied"), [("enabled", True), ("Sales!", True), ("paused", False), (None, False)])
def test_an_account_that_asks_but_is_not_active_is_denied(tag: str | None, denied: bool) -> None:  # noqa: FBT001
    request = read_opt_in(account(tag, state="SUSPENDED"), HUB, OPT_IN_POLICY, TODAY)
    assert request == OptInRequest(reason="the account is SUSPENDED", denied=denied, account_inactive=True)


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
        refused={
            "marketing": Refused(
                error="UnknownProfile",
                reason="profiles.yaml defines no profile 'marketing'; it defines default, finance, sales",
            )
        },
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


# --- units above the account ----------------------------------------------------------------------


def below(
    unit: str | None, own: str | None = None, *, account_id: str = "222233334444", state: str = "ACTIVE", **tags: str
) -> OptInRequest:
    """What an account below a unit with that value asks for."""
    above = Unit(id="ou-ab12-consumers1", tags={TAG: unit, **tags}) if unit is not None else None
    return read_opt_in(
        account(own, account_id=account_id, state=state).model_copy(update={"unit": above}), HUB, OPT_IN_POLICY, TODAY
    )


def test_a_units_tag_asks_for_every_account_below_it() -> None:
    assert below("sales") == OptInRequest(
        profile_names=("sales",),
        reason="the tag quick-athena of ou-ab12-consumers1 says sales",
        unit="ou-ab12-consumers1",
    )


@pytest.mark.parametrize(("own", "words"), [("finance", ("finance",)), ("disabled", ()), ("paused", ())])
def test_the_accounts_own_tag_wins_over_its_units(own: str, words: tuple[str, ...]) -> None:
    assert below("sales", own).profile_names == words


def test_a_unit_may_exempt_what_is_below_it_from_its_own_unit() -> None:
    assert below("disabled").profile_names == ()


@pytest.mark.parametrize("account_id", [MANAGEMENT, HUB_ACCOUNT])
def test_a_tag_on_the_root_does_not_mean_the_hub_or_the_management_account(account_id: str) -> None:
    assert below("enabled", account_id=account_id).profile_names == ()


def test_a_suspended_account_below_a_tagged_unit_is_no_failure() -> None:
    assert below("enabled", state="SUSPENDED") == OptInRequest(reason="the account is SUSPENDED", account_inactive=True)


def test_a_units_tag_that_cannot_be_read_is_refused_with_the_units_name() -> None:
    with pytest.raises(InvalidTagValue, match=r"^the tag quick-athena of ou-ab12-consumers1 has 'Sales'"):
        below("Sales")


# --- the day it ends ------------------------------------------------------------------------------


def until(value: str, at: str, tag: str = "enabled") -> OptInRequest:
    tagged = Account(id="222233334444", name="sales", state="ACTIVE", tags={TAG: tag, EXPIRES: value})
    return read_opt_in(tagged, HUB, OPT_IN_POLICY, datetime.fromisoformat(at))


@pytest.mark.parametrize(
    ("value", "at", "open_still"),
    [
        ("2026-12-31", "2026-12-31T23:59:59Z", True),
        ("2026-12-31", "2027-01-01T00:00:00Z", False),
        (" 2026-12-31 ", "2027-01-01T00:00:00Z", False),
        ("2026-12-31T12:00:00Z", "2026-12-31T11:59:59Z", True),
        ("2026-12-31T12:00:00Z", "2026-12-31T12:00:00Z", False),
        ("2026-12-31T12:00:00", "2026-12-31T12:00:00Z", False),
        ("2026-12-31T12:00:00+02:00", "2026-12-31T10:00:00Z", False),
        ("20261231", "2026-12-31T12:00:00Z", True),
    ],
)
def test_what_is_asked_for_ends_with_that_day_or_at_that_moment(value: str, at: str, open_still: bool) -> None:  # noqa: FBT001
    request = until(value, at)
    assert request.profile_names == (("default",) if open_still else ())
    if not open_still:
        assert request.reason == f"the tag {EXPIRES} says {value.strip()}"


@pytest.mark.parametrize("value", ["", "soon", "31.12.2026", "2026-13-01", "2026-12-31T25:00", "9999-12-31"])
def test_a_date_that_is_none_is_refused_in_words_and_changes_nothing(value: str) -> None:
    with pytest.raises(InvalidExpiry, match=f"the tag {EXPIRES} has .*which is no date: write it as 2026-12-31"):
        until(value, "2026-11-24T08:00:00Z")


def test_an_account_that_asks_for_nothing_needs_no_date() -> None:
    assert until("soon", "2026-11-24T08:00:00Z", tag="paused").profile_names == ()


def test_a_units_date_ends_what_the_unit_asks_for_and_the_accounts_own_date_wins() -> None:
    past, future = "2026-01-01", "2027-01-01"
    assert below("enabled", **{EXPIRES: past}).profile_names == ()
    assert below("enabled", "sales", **{EXPIRES: past}).profile_names == ("sales",)
    own = Account(
        id="222233334444",
        name="sales",
        state="ACTIVE",
        tags={EXPIRES: future},
        unit=Unit(id="ou-ab12-consumers1", tags={TAG: "enabled", EXPIRES: past}),
    )
    assert read_opt_in(own, HUB, OPT_IN_POLICY, TODAY).profile_names == ("default",)

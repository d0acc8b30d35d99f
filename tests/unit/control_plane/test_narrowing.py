"""A profile as an account's tags fit it to the account: narrowed, widened where the profile says so, or refused."""

from typing import Any

import pytest

from control_plane.account import Account, AccountValues, TagValues, Unit
from control_plane.decision import Action, Observed, Presence, desired, plan
from control_plane.errors import AccountTagRefused
from control_plane.narrowing import fit, fit_all
from control_plane.opt_in import OptInPolicy, read_opt_in
from control_plane.profiles import BUCKET, RULES, parameters
from tests.unit.control_plane.vocabulary import CONSUMER, HUB, OPT_IN_POLICY, OTHER, TAG, TODAY, profile

LAKE = profile(
    databases=["quick_*", "hr"],
    tables=["quick_*/public_*"],
    data_buckets=["quick-data-{account}*", "lake/sales"],
    viewers=["authors", "guests"],
)
THEIRS = {"work_group": "primary", "results_location": "s3://results-{account}/"}


def values(**given: str) -> TagValues:
    return TagValues(**{kind: tuple(text.split()) for kind, text in given.items()})


@pytest.mark.parametrize(
    ("tags", "changed"),
    [
        ({"databases": "hr"}, {"databases": ["hr"], "tables": []}),
        ({"databases": "quick_eu hr"}, {"databases": ["quick_eu", "hr"], "tables": ["quick_eu/public_*"]}),
        ({"databases": "hr hr"}, {"databases": ["hr"], "tables": []}),
        ({"buckets": "lake/sales/eu"}, {"data_buckets": ["lake/sales/eu"]}),
        ({"buckets": "quick-data-{account}-eu"}, {"data_buckets": ["quick-data-{account}-eu"]}),
        ({"buckets": "quick-data-{account}/eu"}, {"data_buckets": ["quick-data-{account}/eu"]}),
        ({"groups": "guests"}, {"viewers": ["guests"]}),
    ],
)
def test_a_tag_narrows_what_it_names_and_nothing_else(tags: dict[str, str], changed: dict[str, Any]) -> None:
    assert fit("default", LAKE, values(**tags)) == LAKE.model_copy(update=changed)


def test_without_tags_it_is_the_same_profile() -> None:
    assert fit("default", LAKE, TagValues()) is LAKE


NOT_MORE = "the profile 'default' does not have it and lets no account widen its"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"databases": "finance"}, f"the tag that ends in :databases names 'finance': {NOT_MORE} databases"),
        ({"databases": "hr quick"}, f"the tag that ends in :databases names 'quick': {NOT_MORE} databases"),
        ({"databases": ""}, "the tag that ends in :databases is empty: name some, or remove the tag"),
        ({"buckets": "lake"}, f"the tag that ends in :buckets names 'lake': {NOT_MORE} buckets"),
        ({"buckets": "lake/sales2"}, f"the tag that ends in :buckets names 'lake/sales2': {NOT_MORE} buckets"),
        ({"buckets": "s3://lake"}, f"the tag that ends in :buckets has 's3://lake', which is {RULES[BUCKET]}"),
        ({"groups": "owners"}, f"the tag that ends in :groups names 'owners': {NOT_MORE} groups"),
        ({"workgroup": "primary"}, f"the tag that ends in :workgroup names 'primary': {NOT_MORE} workgroup"),
        ({"workgroup": "a b"}, "the tag that ends in :workgroup names 2 workgroups: name one"),
    ],
)
def test_what_the_profile_does_not_have_is_refused_by_name(tags: dict[str, str], message: str) -> None:
    with pytest.raises(AccountTagRefused) as refused:
        fit("default", LAKE, values(**tags))
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("tags", "changed"),
    [
        ({"workgroup": "sales"}, {"work_group": "sales"}),
        ({"databases": "finance"}, {"databases": ["finance"], "tables": []}),
        ({"buckets": "other"}, {"data_buckets": ["other"]}),
        ({"groups": "everybody"}, {"viewers": ["everybody"]}),
    ],
)
def test_where_the_profile_says_so_a_tag_widens(tags: dict[str, str], changed: dict[str, Any]) -> None:
    (kind,) = tags
    open_one = profile(**THEIRS, accounts_may_widen=[kind])
    assert fit("default", open_one, values(**tags)) == open_one.model_copy(update=changed)
    with pytest.raises(AccountTagRefused):
        fit("default", profile(**THEIRS), values(**tags))


@pytest.mark.parametrize("text", ["*", "a*", "x", "{account", "quick-data-{other}"])
def test_what_no_profile_may_have_no_tag_may_have_either(text: str) -> None:
    with pytest.raises(AccountTagRefused, match="which is no bucket"):
        fit("default", profile(accounts_may_widen=["buckets"]), values(buckets=text))


def test_one_profile_that_a_tag_does_not_fit_takes_no_other_with_it() -> None:
    fitted, refused = fit_all(
        ["lake", "hr"], {"lake": LAKE, "hr": profile(databases=["staff"])}, values(databases="hr")
    )
    assert (list(fitted), list(refused)) == (["lake"], ["hr"])


# --- from the tags of an account to what is planned ---------------------------------------------------


def tagged(account_id: str = CONSUMER, unit: Unit | None = None, **tags: str) -> Account:
    own = {TAG if name == "profiles" else f"{TAG}:{name}": text for name, text in tags.items()}
    return Account(id=account_id, name="sales", state="ACTIVE", tags=own, unit=unit)


def read(account: Account, policy: OptInPolicy = OPT_IN_POLICY) -> TagValues:
    return read_opt_in(account, HUB, policy, TODAY).values


def test_lists_in_tags_are_separated_by_spaces() -> None:
    seen = read(tagged(profiles="enabled", databases=" a  b ", workgroup="w"))
    assert seen == TagValues(databases=("a", "b"), workgroup=("w",))


def test_accounts_that_name_their_own_buckets_are_alike() -> None:
    one = read(tagged(CONSUMER, profiles="enabled", buckets=f"quick-data-{CONSUMER}-eu"))
    two = read(tagged(OTHER, profiles="enabled", buckets=f"quick-data-{OTHER}-eu"))
    assert one == two
    given = parameters("default", fit("default", LAKE, one), HUB)
    assert given["OwnDataBucketArns"] == "arn:aws:s3:::quick-data-${aws:PrincipalAccount}-eu"


def test_the_bucket_of_another_account_is_not_ones_own() -> None:
    seen = read(tagged(CONSUMER, profiles="enabled", buckets=f"quick-data-{OTHER}"))
    with pytest.raises(AccountTagRefused):
        fit("default", LAKE, seen)


def test_the_tags_of_a_unit_count_with_its_opt_in_tag_and_the_accounts_own_win() -> None:
    unit = Unit(id="ou-ab12-inner0001", tags={TAG: "enabled", f"{TAG}:databases": "a", f"{TAG}:groups": "g"})
    assert read(tagged(unit=unit, databases="b")) == TagValues(databases=("b",), groups=("g",))
    assert read(tagged(unit=unit, profiles="enabled", databases="b")) == TagValues(databases=("b",))


@pytest.mark.parametrize("recorded", ["connected", "quarantined", None])
def test_a_tag_that_asks_too_much_connects_nobody_and_keeps_no_access(recorded: str | None) -> None:
    """What the connection exposes may be more than the tag or the profile allows now, so it does not stay."""
    account = tagged(profiles="enabled", databases="finance")
    wanted = desired(read_opt_in(account, HUB, OPT_IN_POLICY, TODAY), account, {"default": LAKE})
    seen = Observed(profile="default", consumer_role=Presence.CURRENT, access=True, recorded=recorded)
    (planned,) = plan(wanted, {"default": seen} if recorded else {}, OPT_IN_POLICY, TODAY)
    expected = (Action.QUARANTINE, "") if recorded else (Action.REFUSE, "AccountTagRefused")
    assert (planned.action, planned.error) == expected
    assert "the tag that ends in :databases names 'finance'" in planned.reason


def test_what_a_connection_is_made_with_says_what_the_tags_say() -> None:
    account = tagged(profiles="enabled", databases="hr")
    wanted = desired(read_opt_in(account, HUB, OPT_IN_POLICY, TODAY), account, {"default": LAKE})
    (planned,) = plan(wanted, {}, OPT_IN_POLICY, TODAY)
    assert (planned.action, planned.values) == (Action.CONNECT, AccountValues(databases=("hr",)))
    assert wanted.fitted["default"].databases == ["hr"]


def test_a_tag_that_leaves_databases_out_leaves_them_out_of_what_is_published() -> None:
    changes = {"databases": ["sales_*", "hr"], "tables": ["sales_*/orders"], "publishes": ["sales_*"]}
    publishing = profile(**changes, publishes_to=["111122223333"])
    some = fit("default", publishing, TagValues(databases=("sales_eu", "hr")))
    assert (some.published, some.tables) == (["sales_eu"], ["sales_eu/orders"])
    none = fit("default", publishing, TagValues(databases=("hr",)))
    assert (none.published, none.publishes_to) == ([], [])

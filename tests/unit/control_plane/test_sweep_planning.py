"""A sweep's plan: what is looked at, what waits, what is left alone."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.access_policy import Shard
from control_plane.account import Account, Connection, Unit
from control_plane.grant_budget import GrantState
from control_plane.revocation_budget import limit
from control_plane.steps.data_source import wanted
from control_plane.sweep.inventory import Inventory
from control_plane.sweep.planning import PlanningRules, SweepPlan, plan_sweep, why_partial
from control_plane.sweep.snapshot import (
    Baseline,
    DataSourceSummary,
    RecordSummary,
    RoleSummary,
    SnapshotPage,
    SnapshotProgress,
)
from tests.unit.control_plane.vocabulary import HUB, MANAGEMENT, OPT_IN_POLICY, TAG, TODAY, account, entry, profile

PROFILES = {"default": profile(), "finance": profile(description="What finance publishes.")}
EVERYTHING = SnapshotProgress(kind=None)
LATER = TODAY + timedelta(days=8)


def identity(number: int) -> str:
    return f"{number:012}"


def member(number: int, tag: str | None = "enabled", **more: Any) -> Account:
    return account(tag, account_id=identity(number), **more)


def role(number: int, name: str = "default", **more: Any) -> RoleSummary:
    return RoleSummary(account_id=identity(number), profile=name, **{"is_current": True, "is_drifted": False, **more})


def source(number: int, **more: Any) -> DataSourceSummary:
    connection = Connection(account_id=identity(number), profile="default")
    right = wanted(connection, "sales", PROFILES["default"], HUB)
    settings = right.settings
    values = {
        "state": "successful",
        "name": right.name,
        "work_group": settings.work_group,
        "run_as_role_arn": settings.run_as_role_arn,
        "consumer_role_arn": settings.consumer_role_arn,
    }
    return DataSourceSummary(account_id=connection.account_id, profile="default", **{**values, **more})


def record(number: int, status: str = "connected", name: str = "default", **more: Any) -> RecordSummary:
    return RecordSummary(account_id=identity(number), profile=name, status=status, **more)


def connected(numbers: Iterable[int]) -> SnapshotPage:
    return SnapshotPage(
        roles=tuple(role(each) for each in numbers),
        sources=tuple(source(each) for each in numbers),
        records=tuple(record(each) for each in numbers),
    )


def sweep(
    accounts: Sequence[Account],
    there: SnapshotPage,
    allowed: Iterable[int] = (),
    *,
    progress: SnapshotProgress = EVERYTHING,
    partial: str = "",
    entries: tuple[str, ...] = (),
    **rules: Any,
) -> SweepPlan:
    shards = [Shard(1, (*(entry(identity(each)) for each in allowed), *entries))]
    given_rules = PlanningRules(
        **{
            "opt_in_policy": OPT_IN_POLICY,
            "hub": HUB,
            "profiles": PROFILES,
            "held": frozenset(),
            "recent": {},
            "now": TODAY,
            **rules,
        }
    )
    return plan_sweep(accounts, Inventory(there, shards, given_rules.profiles, HUB), progress, partial, given_rules)


def started(plan: SweepPlan) -> list[int]:
    return [int(each.account_id) for each in plan.start]


# --- in step, and what differs ---------------------------------------------------------------------


def test_a_converged_organization_needs_nothing() -> None:
    plan = sweep([*map(member, range(30)), member(99, None)], connected(range(30)), range(30))
    assert (plan.start, plan.hold, plan.reported_only, plan.in_sync) == ((), (), (), 30)


def test_every_tagged_account_that_nobody_told_us_of_is_connected() -> None:
    plan = sweep([member(1), member(2, None), member(3, "finance")], SnapshotPage())
    assert [each.what for each in plan.start] == [
        "connect default: the tag quick-athena says enabled",
        "connect finance: the tag quick-athena says finance",
    ]


@pytest.mark.parametrize(
    "there",
    [
        connected([1]).model_copy(update={"roles": ()}),
        connected([1]).model_copy(update={"roles": (role(1, is_current=False),)}),
        connected([1]).model_copy(update={"sources": ()}),
        connected([1]).model_copy(update={"sources": (source(1, state="update_failed"),)}),
        connected([1]).model_copy(update={"sources": (source(1, name="another name"),)}),
        connected([1]).model_copy(update={"sources": (source(1, work_group="primary"),)}),
        connected([1]).model_copy(update={"records": ()}),
        connected([1]).model_copy(update={"records": (record(1, "connecting"),)}),
    ],
    ids=["no role", "role outdated", "no source", "source failed", "renamed", "other workgroup", "forgotten", "moving"],
)
def test_whatever_lists_show_to_be_wrong_is_assessed(there: SnapshotPage) -> None:
    assert started(sweep([member(1)], there, [1])) == [1]
    assert started(sweep([member(1)], connected([1]), [1])) == []


def test_an_entry_taken_out_by_hand_is_put_back_and_a_drifted_role_built_anew() -> None:
    there = connected([1, 2]).model_copy(update={"roles": (role(1), role(2, is_drifted=True))})
    plan = sweep([member(1), member(2)], there, [2])
    assert [each.what.split(":")[0] for each in plan.start] == ["connect default", "rebuild default"]


def test_roles_that_drifted_in_many_accounts_at_once_are_only_shown() -> None:
    def plan(drifted: int) -> SweepPlan:
        roles = tuple(role(each, is_drifted=each < drifted) for each in range(100))
        there = connected(range(100)).model_copy(update={"roles": roles})
        return sweep([*map(member, range(100))], there, range(100))

    assert (len(plan(10).start), len(plan(10).reported_only)) == (10, 0)
    assert (len(plan(11).start), len(plan(11).reported_only)) == (0, 11)


def test_a_list_that_shows_no_settings_says_nothing_against_them() -> None:
    bare = source(1, work_group="", run_as_role_arn="", consumer_role_arn="")
    assert started(sweep([member(1)], connected([1]).model_copy(update={"sources": (bare,)}), [1])) == []


def test_with_notify_drift_is_shown_and_everything_else_done() -> None:
    there = connected([1, 2]).model_copy(update={"sources": (source(1),)})
    plan = sweep([member(1), member(2), member(3)], there, [1, 2], repairs=False)
    assert started(plan) == [3]
    assert [each.account_id for each in plan.reported_only] == [identity(2)]


def test_the_registry_is_never_the_truth_an_empty_one_revokes_nobody() -> None:
    plan = sweep(
        [member(each) for each in range(40)], connected(range(40)).model_copy(update={"records": ()}), range(40)
    )
    assert (started(plan), plan.hold, plan.orphans) == (list(range(40)), (), ())


def test_what_failed_with_the_same_error_is_counted_and_not_begun_again() -> None:
    refused = RecordSummary(account_id=identity(1), status="failed", error="InvalidTagValue")
    unknown = record(2, "failed", "nosuch", error="UnknownProfile")
    tried = record(3, "failed", error="DataSourceDenied")
    accounts = [member(1, "Not A Tag!"), member(2, "nosuch"), member(3), member(4, "Not A Tag!"), member(5, "nosuch")]
    plan = sweep(accounts, SnapshotPage(records=(refused, unknown, tried)))
    assert started(plan) == [3, 4, 5]  # what may work by now, and what nobody was told of
    assert plan.failed == (identity(1), f"{identity(2)}#nosuch", f"{identity(3)}#default")


def test_an_account_that_must_not_be_connected_is_told_once() -> None:
    plan = sweep([account("enabled", account_id=MANAGEMENT), member(2, state="SUSPENDED")], SnapshotPage())
    assert [each.what.split(":")[0] for each in plan.start] == ["refuse", "refuse"]


def test_a_unit_above_asks_for_what_is_below_it() -> None:
    below = member(1, None).model_copy(update={"unit": Unit(id="ou-ab12-sales0001", tags={TAG: "finance"})})
    assert started(sweep([below], SnapshotPage())) == [1]


# --- removals ---------------------------------------------------------------------------------------


def test_an_account_whose_place_is_unknown_loses_nothing_by_a_list_and_is_assessed() -> None:
    lost = [member(number, None).model_copy(update={"is_placed": False}) for number in range(1, 9)]
    plan = sweep([*lost, member(9)], connected(range(1, 10)), range(1, 10))
    assert started(plan) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {each.what for each in plan.start} == {"assess: its parents in the organization could not be read"}
    assert (plan.hold, plan.withheld, plan.in_sync) == ((), (), 1)


def test_an_account_that_is_closed_goes_wherever_it_stood() -> None:
    closed = member(1, None, state="CLOSED").model_copy(update={"is_placed": False})
    plan = sweep([closed], connected([1]), [1])
    assert [each.what for each in plan.start] == ["quarantine default: the account is CLOSED"]


def test_an_untagged_account_is_quarantined_and_disconnected_when_its_time_has_come() -> None:
    waiting = record(2, "quarantined", since=TODAY, remove_after=TODAY + timedelta(days=7))
    there = connected([1, 2]).model_copy(update={"records": (record(1), waiting)})
    accounts = [member(1, None), member(2, None)]
    assert [each.what.split(":")[0] for each in sweep(accounts, there, [1]).start] == ["quarantine default"]
    late = sweep(accounts[1:], connected([2]).model_copy(update={"records": (waiting,)}), now=LATER)
    assert [each.what.split(":")[0] for each in late.start] == ["disconnect default"]


def test_what_is_there_and_in_no_record_is_an_orphan_and_goes() -> None:
    plan = sweep([member(1, None)], SnapshotPage(sources=(source(1),), roles=(role(1),)))
    assert (started(plan), plan.orphans) == ([1], (f"{identity(1)}#default",))
    assert plan.start[0].profiles == ("default",)  # or whoever looks would not know where to look


def test_an_entry_that_is_no_consumer_role_is_found_whatever_it_says() -> None:
    malformed = ("arn:aws:iam::*:role/quick-athena-*", "arn:aws:iam::222233334444:role/quick-athena-Not_A_Profile", "*")
    plan = sweep([], SnapshotPage(), entries=malformed)
    assert (plan.start, plan.unexpected_entries, plan.unmanaged) == ((), tuple(sorted(malformed)), ())


@pytest.mark.parametrize(
    ("recorded", "unrequested"),
    [(None, True), ("quarantined", True), ("removed", True), ("connected", False), ("held", False), ("failed", False)],
)
def test_access_that_no_record_tells_of_was_given_by_nobody(recorded: str | None, unrequested: bool) -> None:  # noqa: FBT001
    there = SnapshotPage(records=(record(1, recorded),) if recorded else ())
    assert sweep([member(1, None)], there, [1]).unrequested == ((f"{identity(1)}#default",) if unrequested else ())
    assert sweep([member(1)], there, [1]).unrequested == ()


def test_an_account_the_whole_list_does_not_have_has_left_and_is_assessed() -> None:
    assert started(sweep([], connected([1]), [1])) == [1]


def test_a_claim_of_an_account_that_is_neither_listed_nor_ours_is_cleared_by_its_reconcile() -> None:
    claims = tuple(RecordSummary(account_id=identity(each), status="failed") for each in (1, 2, 3))
    there = SnapshotPage(records=(*claims, record(2, "removed")))
    plan = sweep([member(3, None)], there)
    assert [(each.account_id, each.what.split(":")[0]) for each in plan.start] == [(identity(1), "clear its claim")]
    assert sweep([member(3, None)], there, partial="a page failed").start == ()
    of_a_unit = SnapshotProgress(kind=None, scope=("ou-ab12-sales0001",))
    assert sweep([member(3, None)], there, progress=of_a_unit).start == ()


def test_a_sweep_of_a_unit_says_nothing_of_accounts_elsewhere() -> None:
    assert started(
        sweep([member(1)], connected([2]), [2], progress=SnapshotProgress(kind=None, scope=("ou-ab12-sales0001",)))
    ) == [1]


def test_a_partial_list_only_ever_adds() -> None:
    there = connected([1, 2, 3])
    plan = sweep([member(1, None), member(2), member(4)], there, [1, 2, 3], partial="a page failed")
    assert (started(plan), plan.withheld, plan.hold) == ([4], (f"{identity(1)}#default",), ())


def test_more_than_an_hour_may_take_is_held_to_the_last_and_asked_for_all_the_same() -> None:
    everyone = range(100)
    plan = sweep([member(each, None if each < 11 else "enabled") for each in everyone], connected(everyone), everyone)
    assert (len(plan.hold), len(plan.start)) == (11, 11)
    plan = sweep([member(each, None if each < 10 else "enabled") for each in everyone], connected(everyone), everyone)
    assert (plan.hold, len(plan.start)) == ((), 10)


def test_what_the_last_hour_took_leaves_less_for_this_one() -> None:
    everyone = range(3, 100)
    recent: dict[str, datetime] = {f"{identity(each)}#default": TODAY - timedelta(minutes=5) for each in range(3)}
    accounts = [member(each, None if each < 11 else "enabled") for each in everyone]
    plan = sweep(accounts, connected(everyone), everyone, recent=recent)
    assert len(plan.hold) == 8


def test_what_waits_for_approval_already_is_not_asked_for_again() -> None:
    plan = sweep([member(1, None)], connected([1]), [1], held=frozenset({f"{identity(1)}#default"}))
    assert (plan.start, plan.waiting) == ((), (f"{identity(1)}#default",))


def test_accounts_that_are_gone_do_not_count_however_many() -> None:
    everyone = range(20)
    plan = sweep([member(each, state="SUSPENDED") for each in everyone], connected(everyone), everyone)
    assert (plan.hold, len(plan.start)) == ((), 20)


def test_a_broken_profiles_file_connects_nobody_and_keeps_no_access_alive() -> None:
    plan = sweep([member(1), member(2, None)], connected([2]), [2], profiles={}, profiles_fault="profiles.yaml: empty")
    assert [each.what.split(":")[0] for each in plan.start] == ["refuse", "quarantine default"]


# --- profiles that are offered to some only ------------------------------------------------------------


def test_a_sweep_starts_who_is_offered_a_profile_and_refuses_the_others() -> None:
    inside = member(1).model_copy(update={"above": ("ou-ab12-consumers1", "r-ab12")})
    outside = member(2).model_copy(update={"above": ("r-ab12",)})
    offered = {"default": profile(units=["ou-ab12-consumers1"])}
    plan = sweep([inside, outside], connected([2]), [2], profiles=offered)
    assert [each.what.split(":")[0] for each in plan.start] == ["connect default", "quarantine default"]


def test_an_account_whose_parents_the_list_does_not_have_is_assessed_by_its_reconcile() -> None:
    plan = sweep([member(1)], connected([1]), [1], profiles={"default": profile(units=["ou-ab12-consumers1"])})
    assert [each.what for each in plan.start] == ["assess: its parents in the organization could not be read"]
    plan = sweep([member(1)], connected([1]), [1], profiles={"default": profile(accounts=[identity(1)])})
    assert plan.start == ()


# --- new connections by one tag --------------------------------------------------------------------

UNIT, ROOT = "ou-ab12-consumers1", "r-ab12"


def below(*numbers: int, unit: str = UNIT) -> list[Account]:
    """Accounts without a tag of their own, whose unit asks for a connection."""
    return [member(each, None).model_copy(update={"unit": Unit(id=unit, tags={TAG: "enabled"})}) for each in numbers]


def keys(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{identity(each)}#default" for each in numbers)


def test_one_tag_may_connect_a_few_accounts() -> None:
    plan = sweep(below(*range(20)), SnapshotPage(), grants=GrantState(limit=20))
    assert (len(plan.start), plan.awaiting) == (20, {UNIT: ()})


def test_more_new_connections_of_one_tag_than_an_hour_may_have_all_wait() -> None:
    mine = [member(each) for each in range(50, 80)]
    plan = sweep([*below(*range(21)), *mine], SnapshotPage(), grants=GrantState(limit=20))
    assert plan.awaiting == {UNIT: keys(*range(21))}
    assert [each.account_id for each in plan.start] == [each.id for each in mine], "a tag of one's own is not limited"


def test_each_tag_has_a_budget_of_its_own() -> None:
    plan = sweep([*below(*range(15)), *below(*range(20, 35), unit=ROOT)], SnapshotPage(), grants=GrantState(limit=20))
    assert (len(plan.start), plan.awaiting) == (30, {UNIT: (), ROOT: ()})


def test_what_was_approved_and_what_exists_does_not_wait() -> None:
    approved = GrantState(20, approved=dict.fromkeys(keys(*range(40)), UNIT))
    assert sweep(below(*range(40)), SnapshotPage(), grants=approved).awaiting == {UNIT: ()}
    there = connected(range(40))
    plan = sweep(below(*range(40)), there, range(40), grants=GrantState(limit=20))
    assert (plan.start, plan.awaiting) == ((), {})


def test_a_list_that_waits_ends_when_nothing_asks_for_it_any_more_and_stays_when_not_all_was_seen() -> None:
    state = GrantState(limit=20, held={UNIT: frozenset(keys(*range(30)))})
    assert sweep([member(1, None)], SnapshotPage(), grants=state).awaiting == {UNIT: ()}
    some = SnapshotProgress(kind=None, scope=("ou-ab12-another001",))
    plan = sweep(below(30), SnapshotPage(), progress=some, grants=state)
    assert (plan.start, plan.awaiting) == ((), {UNIT: keys(*range(31))})
    plan = sweep(below(30), SnapshotPage(), partial="a page failed", grants=state)
    assert (plan.start, plan.awaiting) == ((), {UNIT: keys(*range(31))})


def test_what_was_approved_leaves_the_list_that_waits_also_when_not_all_was_seen() -> None:
    waiting = frozenset(keys(*range(30)))
    state = GrantState(limit=20, held={UNIT: waiting}, approved=dict.fromkeys(waiting, UNIT))
    some = SnapshotProgress(kind=None, scope=("ou-ab12-another001",))
    plan = sweep(below(30), SnapshotPage(), progress=some, grants=state)
    assert (len(plan.start), plan.awaiting, plan.awaiting_count) == (1, {}, 0)


def test_a_stored_plan_names_no_more_of_those_that_wait_than_a_report() -> None:
    plan = sweep(below(*range(300)), SnapshotPage(), grants=GrantState(limit=20)).without_long_lists()
    assert (len(plan.awaiting[UNIT]), plan.awaiting_count) == (100, 300)


def test_what_is_to_be_done_about_an_account_has_a_limited_length() -> None:
    offered = {"default": profile(accounts=[identity(each) for each in range(100, 500)])}
    (refused,) = sweep([member(1)], SnapshotPage(), profiles=offered).start
    assert refused.what.endswith(f"only to {', '.join(identity(each) for each in range(100, 105))} and 395 more")
    assert len(refused.what) < 300


def test_a_sweep_of_the_unit_itself_sees_all_of_it() -> None:
    state = GrantState(limit=20, held={UNIT: frozenset(keys(*range(30)))})
    whole = SnapshotProgress(kind=None, scope=(UNIT,))
    plan = sweep(below(*range(3)), SnapshotPage(), progress=whole, grants=state)
    assert (len(plan.start), plan.awaiting) == (3, {UNIT: ()})


# --- looking in full ---------------------------------------------------------------------------------


def test_ten_days_reach_every_connected_account_once() -> None:
    everyone = range(57)
    accounts = [member(each) for each in everyone]
    seen = [
        sweep(accounts, connected(everyone), everyone, now=TODAY + timedelta(days=day)).full_check for day in range(10)
    ]
    assert sorted(each for day in seen for each in day) == [identity(each) for each in everyone]
    assert max(map(len, seen)) <= 6


def test_readers_are_checked_each_day_and_everybody_when_what_is_published_has_changed() -> None:
    accounts = [member(each) for each in range(20)]
    known = {**PROFILES, "finance": profile(publishes_to=[identity(3)])}
    usual = sweep(accounts, connected(range(20)), range(20)).full_check
    with_reader = sweep(accounts, connected(range(20)), range(20), profiles=known).full_check
    assert set(with_reader) == {*usual, identity(3)}
    changed = sweep(accounts, connected(range(20)), range(20), profiles=known, publishing_changed=True).full_check
    assert sorted(changed) == [identity(each) for each in range(20)]


# --- is the list whole? --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "baseline", "whole"),
    [
        (200, Baseline(), True),
        (200, Baseline(complete=200, listed=200), True),
        (190, Baseline(complete=200, listed=200), True),
        (150, Baseline(complete=200, listed=200), False),
        (0, Baseline(complete=200, listed=200), False),
        (150, Baseline(complete=200, listed=150), True),  # it says so a second time
        (100, Baseline(complete=200, listed=150), False),
        (3, Baseline(complete=8, listed=8), True),  # each is looked at by itself before anything goes
        (2, Baseline(complete=8, listed=8), False),
    ],
)
def test_a_list_that_shrank_is_believed_the_second_time(listed: int, baseline: Baseline, whole: bool) -> None:  # noqa: FBT001
    assert (why_partial(SnapshotProgress(kind=None, listed=listed), baseline) == "") is whole


def test_a_sweep_of_a_unit_compares_no_counts() -> None:
    assert why_partial(SnapshotProgress(kind=None, listed=1, scope=("ou-x",)), Baseline(complete=100, listed=100)) == ""


# --- whatever comes -----------------------------------------------------------------------------------

TAGS = st.sampled_from([None, "enabled", "finance", "disabled", "paused", "enabled finance", "Oh No!"])
STATES = st.sampled_from(["ACTIVE", "ACTIVE", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE"])


@given(
    tags=st.lists(st.tuples(TAGS, STATES), max_size=25),
    there=st.sets(st.integers(0, 30)),
    allowed=st.sets(st.integers(0, 30)),
    partial=st.sampled_from(["", "a page failed"]),
)
def test_no_plan_takes_more_than_an_hour_may_and_a_partial_one_nothing(
    tags: list[tuple[str | None, str]], there: set[int], allowed: set[int], partial: str
) -> None:
    accounts = [member(number, tag, state=state) for number, (tag, state) in enumerate(tags)]
    plan = sweep(accounts, connected(sorted(there)), allowed, partial=partial)
    active = {each.id for each in accounts if each.state == "ACTIVE"}
    going = [
        e for e in plan.start if "quarantine" in e.what and e.account_id in active and int(e.account_id) in allowed
    ]
    free = [each for each in going if f"{each.account_id}#default" not in plan.hold]
    assert len(free) <= limit(len(allowed))
    assert not (partial and going)
    assert not (plan.hold and free)


def test_what_quick_lacks_is_listed_of_connections_that_work_only() -> None:
    found = [
        record(number, status).model_copy(update={"finding": "no group"}) for number, status in STATUSES_WITH_FINDING
    ]
    assert sweep([member(1), member(2)], SnapshotPage(records=tuple(found)), [1]).findings == {
        f"{identity(1)}#default": "no group"
    }


STATUSES_WITH_FINDING = ((1, "connected"), (2, "removed"))

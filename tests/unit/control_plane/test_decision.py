"""The decision table: what to do about the difference between what is asked for and what is there."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.account import has_turn
from control_plane.decision import (
    PROOF_PAUSE,
    Action,
    Desired,
    Observed,
    PlannedAction,
    Presence,
    Refused,
    plan,
    with_proof,
)
from tests.unit.control_plane.vocabulary import OPT_IN_POLICY, TODAY

# --- plan: the difference ------------------------------------------------------------------------

SOURCES = (Presence.ABSENT, Presence.DIFFERENT, Presence.CURRENT)  # only a stack is looked at for drift
RECORDED = (None, "connecting", "connected", "degraded", "quarantined", "removed", "failed")
WANTED = Desired(profiles=("default",), reason="the tag says so")
UNWANTED = Desired(reason="the tag is gone")
UNDEFINED = Refused(error="UnknownProfile", reason="nobody defined it")


def every_observation() -> list[Observed]:
    return [
        Observed(
            profile="default",
            consumer_role=role,
            access=access,
            data_source=source,
            recorded=recorded,
            since=TODAY,
            remove_after=TODAY + OPT_IN_POLICY.grace if recorded == "quarantined" else None,
        )
        for role, access, source, recorded in product(Presence, (True, False), SOURCES, RECORDED)
    ]


def action(wanted: Desired, seen: Observed) -> Action:
    (planned,) = plan(wanted, {seen.profile: seen}, OPT_IN_POLICY, TODAY)
    assert planned.profile == seen.profile
    return planned.action


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_wanted_connection_is_left_alone_only_when_complete_and_recorded_connected(seen: Observed) -> None:
    complete = (seen.consumer_role, seen.access, seen.data_source) == (Presence.CURRENT, True, Presence.CURRENT)
    done = complete and seen.recorded == "connected"
    drifted = seen.consumer_role is Presence.DRIFTED
    assert action(WANTED, seen) is (Action.REBUILD if drifted else Action.NOTHING if done else Action.CONNECT)


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_connection_begins_only_where_nothing_can_be_queried_yet(seen: Observed) -> None:
    (planned,) = plan(WANTED, {"default": seen}, OPT_IN_POLICY, TODAY)
    drifted = seen.consumer_role is Presence.DRIFTED
    assert planned.first_connection == (not seen.access and seen.data_source is Presence.ABSENT and not drifted)


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


def test_what_quick_lacks_now_is_recorded_and_what_it_lacked_is_shared_with() -> None:
    complete = Observed(
        profile="default",
        consumer_role=Presence.CURRENT,
        access=True,
        data_source=Presence.CURRENT,
        recorded="connected",
    )
    lacking = "Quick has no group authors, which profiles.yaml names"
    known = complete.model_copy(update={"finding": lacking, "recorded_finding": lacking})
    assert action(WANTED, complete) is Action.NOTHING
    assert action(WANTED, known) is Action.NOTHING
    assert action(WANTED, complete.model_copy(update={"finding": lacking})) is Action.CONNECT
    assert action(WANTED, complete.model_copy(update={"recorded_finding": lacking})) is Action.CONNECT


@pytest.mark.parametrize(
    ("changes", "is_drift"),
    [
        ({"finding": "no place for somebody"}, False),
        ({"recorded_finding": "no place for somebody"}, False),
        ({"publishers_differ": True, "consumer_role": Presence.DIFFERENT}, False),
        ({"consumer_role": Presence.DIFFERENT}, True),
        ({"data_source": Presence.DIFFERENT, "finding": "no group"}, True),
    ],
)
def test_what_differs_in_the_record_alone_is_no_drift(changes: dict[str, Any], *, is_drift: bool) -> None:
    seen = {"profile": "default", "access": True, "recorded": "connected"}
    parts = {"consumer_role": Presence.CURRENT, "data_source": Presence.CURRENT}
    (planned,) = plan(WANTED, {"default": Observed(**{**seen, **parts, **changes})}, OPT_IN_POLICY, TODAY)
    assert (planned.action, planned.publishing) == (Action.CONNECT, not is_drift)


def test_a_wanted_connection_never_seen_is_connected() -> None:
    (planned,) = plan(WANTED, {}, OPT_IN_POLICY, TODAY)
    assert (planned.profile, planned.action, planned.reason) == ("default", Action.CONNECT, "the tag says so")


def test_an_unknown_profile_is_refused_with_its_reason_and_error() -> None:
    wanted = Desired(reason="the tag says gone", refused={"gone": UNDEFINED})
    (planned,) = plan(wanted, {}, OPT_IN_POLICY, TODAY)
    assert (planned.action, planned.reason, planned.error) == (Action.REFUSE, "nobody defined it", "UnknownProfile")


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_an_unmanaged_data_source_is_refused_and_hinders_no_revocation(seen: Observed) -> None:
    seen = seen.model_copy(update={"unmanaged": "it is somebody's"})
    (planned,) = plan(WANTED, {"default": seen}, OPT_IN_POLICY, TODAY)
    assert (planned.action, planned.error, planned.reason) == (Action.REFUSE, "NotOurs", "it is somebody's")
    if seen.access:
        assert action(UNWANTED, seen) is Action.QUARANTINE


def test_a_profile_that_left_the_file_takes_the_access_it_gave_with_it() -> None:
    wanted = Desired(reason="the tag says gone", refused={"gone": UNDEFINED})
    seen = Observed(profile="gone", consumer_role=Presence.DIFFERENT, access=True, recorded="connected")
    (planned,) = plan(wanted, {"gone": seen}, OPT_IN_POLICY, TODAY)
    assert (planned.action, planned.reason) == (Action.QUARANTINE, "nobody defined it")


def test_each_connection_is_planned_by_itself() -> None:
    wanted = Desired(profiles=("sales", "finance"), reason="r", refused={"marketing": UNDEFINED})
    complete = Observed(
        profile="finance",
        consumer_role=Presence.CURRENT,
        access=True,
        data_source=Presence.CURRENT,
        recorded="connected",
    )
    actions = plan(wanted, {"finance": complete, "old": Observed(profile="old", access=True)}, OPT_IN_POLICY, TODAY)
    assert {planned.profile: planned.action for planned in actions} == {
        "sales": Action.CONNECT,
        "finance": Action.NOTHING,
        "marketing": Action.REFUSE,
        "old": Action.QUARANTINE,
    }


names = st.sampled_from(["default", "sales", "finance", "old", "older"])
observations = st.dictionaries(names, st.sampled_from(every_observation())).map(
    lambda seen: {name: observed.model_copy(update={"profile": name}) for name, observed in seen.items()}
)
requests = st.lists(names, unique=True).map(lambda wanted: Desired(profiles=tuple(wanted), reason="r"))


@given(wanted=requests, seen=observations)
def test_a_plan_has_one_step_for_each_connection_concerned(wanted: Desired, seen: dict[str, Observed]) -> None:
    actions = plan(wanted, seen, OPT_IN_POLICY, TODAY)
    assert sorted(planned.profile for planned in actions) == sorted({*wanted.profiles, *seen})


@given(wanted=requests, seen=observations)
def test_a_converged_world_needs_nothing(wanted: Desired, seen: dict[str, Observed]) -> None:
    world = seen
    for _ in range(3):  # a drifted role is built anew; an entry with nothing behind it is revoked and found gone then
        world = {planned.profile: carried_out(planned, world) for planned in plan(wanted, world, OPT_IN_POLICY, TODAY)}
    assert {planned.action for planned in plan(wanted, world, OPT_IN_POLICY, TODAY)} <= {Action.NOTHING}


def carried_out(planned: PlannedAction, world: dict[str, Observed]) -> Observed:
    """What the state machine leaves behind when a step's path did its work."""
    before = world.get(planned.profile, Observed(profile=planned.profile))
    match planned.action:
        case Action.CONNECT:
            done = {"consumer_role": Presence.CURRENT, "access": True, "data_source": Presence.CURRENT}
            return before.model_copy(update={**done, "recorded": "connected"})
        case Action.REBUILD:
            return before.model_copy(update={"consumer_role": Presence.ABSENT, "access": False})
        case Action.DISCONNECT:
            account_inactive = {"consumer_role": Presence.ABSENT, "access": False, "data_source": Presence.ABSENT}
            return before.model_copy(update=account_inactive)
        case Action.QUARANTINE:
            ends = {"remove_after": planned.remove_after, "since": TODAY}
            return before.model_copy(update={"access": False, "recorded": "quarantined", **ends})
        case Action.FORGET:
            return before.model_copy(update={"recorded": "removed"})
    return before


# --- the end of a quarantine --------------------------------------------------------------------

LEFT = Observed(
    profile="default",
    consumer_role=Presence.CURRENT,
    data_source=Presence.CURRENT,
    recorded="quarantined",
    since=TODAY - OPT_IN_POLICY.grace,
)


def away(
    seen: Observed, *, grace: timedelta = OPT_IN_POLICY.grace, now: datetime = TODAY, account_inactive: bool = False
) -> PlannedAction:
    opt_in_policy = OPT_IN_POLICY.model_copy(update={"grace": grace})
    (planned,) = plan(
        UNWANTED.model_copy(update={"account_inactive": account_inactive}), {"default": seen}, opt_in_policy, now
    )
    return planned


def test_a_quarantine_says_when_it_ends() -> None:
    planned = away(LEFT.model_copy(update={"access": True, "recorded": "connected"}))
    assert (planned.action, planned.remove_after) == (Action.QUARANTINE, TODAY + OPT_IN_POLICY.grace)


@pytest.mark.parametrize("recorded", ["quarantined", "disconnecting", "failed"])
def test_everything_goes_when_the_quarantine_has_ended_and_not_before(recorded: str) -> None:
    ends = LEFT.model_copy(update={"recorded": recorded, "remove_after": TODAY})
    assert away(ends).action is Action.DISCONNECT
    assert away(ends, now=TODAY - timedelta(seconds=1)).action is not Action.DISCONNECT


def test_access_given_back_by_hand_does_not_begin_the_quarantine_anew() -> None:
    planned = away(LEFT.model_copy(update={"access": True, "remove_after": TODAY + timedelta(days=1)}))
    assert (planned.action, planned.remove_after) == (Action.QUARANTINE, TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    "lie",
    [
        {"remove_after": None},  # it can't be read
        {"remove_after": TODAY + timedelta(days=2000)},
        {"remove_after": TODAY - timedelta(days=9000)},  # before the quarantine began
        {"remove_after": TODAY - timedelta(days=1), "since": None},
        {"remove_after": TODAY - timedelta(days=1), "access": True},  # the grace period begins with the revocation
        {"remove_after": TODAY - timedelta(days=1), "recorded": "connected"},
        {"remove_after": TODAY - timedelta(days=1), "recorded": "connected", "access": True},
        {"remove_after": TODAY - timedelta(days=1), "recorded": "held", "access": True},
        {"remove_after": TODAY + timedelta(days=300), "recorded": "connecting"},
    ],
    ids=str,
)
def test_a_grace_period_that_cannot_be_true_deletes_nothing_early_and_keeps_no_access(lie: dict[str, object]) -> None:
    planned = away(LEFT.model_copy(update=lie))
    assert (planned.action, planned.remove_after) == (Action.QUARANTINE, TODAY + OPT_IN_POLICY.grace)


def test_without_a_grace_period_everything_goes_at_once() -> None:
    planned = away(LEFT.model_copy(update={"access": True, "recorded": "connected"}), grace=timedelta())
    assert planned.action is Action.DISCONNECT
    assert away(LEFT, grace=timedelta(), now=TODAY - timedelta(days=3)).action is Action.DISCONNECT


def test_what_stays_in_the_account_is_said() -> None:
    ended = LEFT.model_copy(update={"remove_after": TODAY, "stack_id": "arn:stack"})
    assert away(ended).retained.startswith("the results bucket of the stack arn:stack")
    assert away(ended, account_inactive=True).retained.startswith("the stack arn:stack, because the tag is gone")
    assert away(ended.model_copy(update={"stack_id": ""})).retained == ""


@pytest.mark.parametrize("account_inactive", [True, False])
def test_what_stays_in_the_account_is_as_recorded_when_its_stack_is_removed_already(
    account_inactive: bool,  # noqa: FBT001
) -> None:
    ended = LEFT.model_copy(update={"remove_after": TODAY, "retained": "the results bucket of the stack arn:stack"})
    planned = away(ended, account_inactive=account_inactive)
    assert (planned.action, planned.retained) == (Action.DISCONNECT, "the results bucket of the stack arn:stack")
    seen = away(ended.model_copy(update={"stack_id": "arn:new"}), account_inactive=account_inactive)
    assert "arn:new" in seen.retained


def test_a_tag_that_returns_restores_whatever_was_to_be_removed() -> None:
    assert action(WANTED, LEFT.model_copy(update={"remove_after": TODAY})) is Action.CONNECT


# --- proofs: what needs nothing else is proven from time to time ------------------------------------

ITS_TURN = next(f"{number:012}" for number in range(10) if has_turn(f"{number:012}", TODAY))
NOT_ITS_TURN = f"{int(ITS_TURN) + 1:012}"
COMPLETE = Observed(
    profile="default",
    consumer_role=Presence.CURRENT,
    access=True,
    data_source=Presence.CURRENT,
    recorded="connected",
    since=TODAY - timedelta(days=30),
    proof_at=TODAY - timedelta(days=1),
    version="1-2",
)


def proven(seen: Observed, account_id: str = ITS_TURN) -> PlannedAction:
    (planned,) = plan(WANTED, {"default": seen}, OPT_IN_POLICY, TODAY)
    return with_proof(planned, seen, WANTED, account_id, TODAY)


def test_a_proof_keeps_the_reason_the_time_and_the_version_of_the_record() -> None:
    planned = proven(COMPLETE)
    assert (planned.action, planned.reason, planned.since, planned.version) == (
        Action.PROVE,
        WANTED.reason,
        COMPLETE.since,
        "1-2",
    )


def test_each_connection_is_proven_on_one_of_ten_days() -> None:
    for number in range(100):
        days = [has_turn(f"{number:012}", TODAY + timedelta(days=day)) for day in range(10)]
        assert sum(days) == 1
    assert sum(has_turn(f"{number:012}", TODAY) for number in range(100)) == 10


@pytest.mark.parametrize(
    ("proof_at", "account_id", "wanted"),
    [
        (None, NOT_ITS_TURN, Action.PROVE),  # a proof was stopped, or queries were off
        (TODAY - timedelta(days=1), NOT_ITS_TURN, Action.NOTHING),
        (TODAY - PROOF_PAUSE, ITS_TURN, Action.PROVE),
        (TODAY - PROOF_PAUSE + timedelta(seconds=1), ITS_TURN, Action.NOTHING),  # proven today already
    ],
)
def test_a_proof_is_due_when_none_ended_or_once_on_the_accounts_day(
    proof_at: datetime | None, account_id: str, wanted: Action
) -> None:
    assert proven(COMPLETE.model_copy(update={"proof_at": proof_at}), account_id).action is wanted


@pytest.mark.parametrize("seen", [each for each in every_observation() if each != COMPLETE])
def test_only_what_is_connected_and_complete_is_proven(seen: Observed) -> None:
    proves = proven(seen).action is Action.PROVE
    assert proves is (seen.is_complete and seen.recorded == "connected")


def test_a_degraded_connection_is_connected_anew_and_keeps_its_access() -> None:
    (planned,) = plan(WANTED, {"default": COMPLETE.model_copy(update={"recorded": "degraded"})}, OPT_IN_POLICY, TODAY)
    assert (planned.action, planned.first_connection, planned.unit) == (Action.CONNECT, False, "")


def test_what_nobody_wants_is_not_proven() -> None:
    (planned,) = plan(UNWANTED, {"default": COMPLETE}, OPT_IN_POLICY, TODAY)
    assert with_proof(planned, COMPLETE, UNWANTED, ITS_TURN, TODAY) == planned

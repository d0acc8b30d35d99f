"""The decision table: what to do about the difference between what is asked for and what is there."""

from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.decision import Action, Desired, Observed, Presence, Step, plan
from tests.unit.control_plane.vocabulary import TERMS, TODAY

# --- plan: the difference ------------------------------------------------------------------------

SOURCES = (Presence.ABSENT, Presence.DIFFERENT, Presence.CURRENT)  # only a stack is looked at for drift
RECORDED = (None, "connecting", "connected", "quarantined", "removed", "failed")
WANTED = Desired(profiles=("default",), reason="the tag says so")
UNWANTED = Desired(reason="the tag is gone")


def every_observation() -> list[Observed]:
    return [
        Observed(
            profile="default",
            consumer_role=role,
            access=access,
            data_source=source,
            recorded=recorded,
            since=TODAY,
            remove_after=TODAY + TERMS.grace if recorded == "quarantined" else None,
        )
        for role, access, source, recorded in product(Presence, (True, False), SOURCES, RECORDED)
    ]


def action(wanted: Desired, seen: Observed) -> Action:
    (step,) = plan(wanted, {seen.profile: seen}, TERMS, TODAY)
    assert step.profile == seen.profile
    return step.action


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_wanted_connection_is_left_alone_only_when_complete_and_recorded_connected(seen: Observed) -> None:
    complete = (seen.consumer_role, seen.access, seen.data_source) == (Presence.CURRENT, True, Presence.CURRENT)
    done = complete and seen.recorded == "connected"
    drifted = seen.consumer_role is Presence.DRIFTED
    assert action(WANTED, seen) is (Action.REBUILD if drifted else Action.NOTHING if done else Action.CONNECT)


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_connection_begins_only_where_nothing_can_be_queried_yet(seen: Observed) -> None:
    (step,) = plan(WANTED, {"default": seen}, TERMS, TODAY)
    drifted = seen.consumer_role is Presence.DRIFTED
    assert step.begins == (not seen.access and seen.data_source is Presence.ABSENT and not drifted)


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
    (step,) = plan(WANTED, {}, TERMS, TODAY)
    assert (step.profile, step.action, step.reason) == ("default", Action.CONNECT, "the tag says so")


def test_an_unknown_profile_is_refused_with_its_reason_and_error() -> None:
    wanted = Desired(reason="the tag says gone", refused={"gone": "nobody defined it"})
    (step,) = plan(wanted, {}, TERMS, TODAY)
    assert (step.action, step.reason, step.error) == (Action.REFUSE, "nobody defined it", "UnknownProfile")


@pytest.mark.parametrize("seen", every_observation(), ids=str)
def test_a_strangers_data_source_is_refused_and_hinders_no_revocation(seen: Observed) -> None:
    seen = seen.model_copy(update={"stranger": "it is somebody's"})
    (step,) = plan(WANTED, {"default": seen}, TERMS, TODAY)
    assert (step.action, step.error, step.reason) == (Action.REFUSE, "NotOurs", "it is somebody's")
    if seen.access:
        assert action(UNWANTED, seen) is Action.QUARANTINE


def test_a_profile_that_left_the_file_takes_the_access_it_gave_with_it() -> None:
    wanted = Desired(reason="the tag says gone", refused={"gone": "nobody defined it"})
    seen = Observed(profile="gone", consumer_role=Presence.DIFFERENT, access=True, recorded="connected")
    (step,) = plan(wanted, {"gone": seen}, TERMS, TODAY)
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
    steps = plan(wanted, {"finance": complete, "old": Observed(profile="old", access=True)}, TERMS, TODAY)
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
    steps = plan(wanted, seen, TERMS, TODAY)
    assert sorted(step.profile for step in steps) == sorted({*wanted.profiles, *seen})


@given(wanted=wishes, seen=observations)
def test_a_converged_world_needs_nothing(wanted: Desired, seen: dict[str, Observed]) -> None:
    world = seen
    for _ in range(3):  # a drifted role is built anew; an entry with nothing behind it is revoked and found gone then
        world = {step.profile: carried_out(step, world) for step in plan(wanted, world, TERMS, TODAY)}
    assert {step.action for step in plan(wanted, world, TERMS, TODAY)} <= {Action.NOTHING}


def carried_out(step: Step, world: dict[str, Observed]) -> Observed:
    """What the state machine leaves behind when a step's path did its work."""
    before = world.get(step.profile, Observed(profile=step.profile))
    match step.action:
        case Action.CONNECT:
            done = {"consumer_role": Presence.CURRENT, "access": True, "data_source": Presence.CURRENT}
            return before.model_copy(update={**done, "recorded": "connected"})
        case Action.REBUILD:
            return before.model_copy(update={"consumer_role": Presence.ABSENT, "access": False})
        case Action.DISCONNECT:
            gone = {"consumer_role": Presence.ABSENT, "access": False, "data_source": Presence.ABSENT}
            return before.model_copy(update=gone)
        case Action.QUARANTINE:
            ends = {"remove_after": step.remove_after, "since": TODAY}
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
    since=TODAY - TERMS.grace,
)


def away(seen: Observed, *, grace: timedelta = TERMS.grace, now: datetime = TODAY, gone: bool = False) -> Step:
    terms = TERMS.model_copy(update={"grace": grace})
    (step,) = plan(UNWANTED.model_copy(update={"gone": gone}), {"default": seen}, terms, now)
    return step


def test_a_quarantine_says_when_it_ends() -> None:
    step = away(LEFT.model_copy(update={"access": True, "recorded": "connected"}))
    assert (step.action, step.remove_after) == (Action.QUARANTINE, TODAY + TERMS.grace)


@pytest.mark.parametrize("recorded", ["quarantined", "disconnecting", "failed"])
def test_everything_goes_when_the_quarantine_has_ended_and_not_before(recorded: str) -> None:
    ends = LEFT.model_copy(update={"recorded": recorded, "remove_after": TODAY})
    assert away(ends).action is Action.DISCONNECT
    assert away(ends, now=TODAY - timedelta(seconds=1)).action is not Action.DISCONNECT


def test_access_given_back_by_hand_does_not_begin_the_quarantine_anew() -> None:
    step = away(LEFT.model_copy(update={"access": True, "remove_after": TODAY + timedelta(days=1)}))
    assert (step.action, step.remove_after) == (Action.QUARANTINE, TODAY + timedelta(days=1))


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
    step = away(LEFT.model_copy(update=lie))
    assert (step.action, step.remove_after) == (Action.QUARANTINE, TODAY + TERMS.grace)


def test_without_a_grace_period_everything_goes_at_once() -> None:
    step = away(LEFT.model_copy(update={"access": True, "recorded": "connected"}), grace=timedelta())
    assert step.action is Action.DISCONNECT


def test_what_stays_in_the_account_is_said() -> None:
    ended = LEFT.model_copy(update={"remove_after": TODAY, "stack_id": "arn:stack"})
    assert away(ended).left.startswith("the results bucket of the stack arn:stack")
    assert away(ended, gone=True).left.startswith("the stack arn:stack, because the tag is gone")
    assert away(ended.model_copy(update={"stack_id": ""})).left == ""


def test_a_tag_that_returns_restores_whatever_was_to_be_removed() -> None:
    assert action(WANTED, LEFT.model_copy(update={"remove_after": TODAY})) is Action.CONNECT

"""One account with new connections that a tag on its OU asks for: they are made, or they wait for an approval."""

from datetime import timedelta

import pytest

from control_plane.account import Account, Unit
from control_plane.admission import AdmissionDependencies, admit
from control_plane.assessment import Assessment
from control_plane.decision import Action, PlannedAction
from control_plane.opt_in import OptInRequest
from tests.fakes import FakeGrantBudget, FakeSweeps
from tests.unit.control_plane.vocabulary import CONSUMER, TODAY

UNIT = "ou-ab12-consumers1"
KEY = f"{CONSUMER}#default"


def assessment(*profiles: str, unit: str = UNIT) -> Assessment:
    """Of an account whose OU asks for these profiles, none of which is there."""
    account = Account(id=CONSUMER, name="sales", state="ACTIVE", tags={}, unit=Unit(id=UNIT, tags={}))
    names = profiles or ("default",)
    actions = [PlannedAction(profile=each, action=Action.CONNECT, reason="asked for", unit=unit) for each in names]
    return Assessment(account, actions, OptInRequest(profile_names=names, reason="the OU says so", unit=unit))


def dependencies(taken: int = 0, percent: int = 10) -> tuple[AdmissionDependencies, FakeGrantBudget, FakeSweeps]:
    budget, sweeps = FakeGrantBudget(percent), FakeSweeps()
    for number in range(taken):
        assert budget.take(UNIT, f"{number:012}#default", 20, TODAY)
    return (
        AdmissionDependencies(budget, sweeps, stopped=lambda name: "queries fail" if name == "sales" else ""),
        budget,
        sweeps,
    )


def test_a_new_connection_within_the_budget_is_made_and_counted() -> None:
    deps, budget, sweeps = dependencies(taken=19)
    assert admit(assessment(), TODAY, deps) == assessment()
    assert (budget.granted(UNIT, TODAY), sweeps.started) == (20, [])


def test_one_more_waits_and_a_sweep_of_its_unit_asks_people() -> None:
    deps, budget, sweeps = dependencies(taken=20)
    found = admit(assessment(), TODAY, deps)
    assert [each.action for each in found.actions] == [Action.NOTHING]
    assert [scope for scope, _ in sweeps.started] == [UNIT]
    assert CONSUMER in sweeps.started[0][1]
    assert found.reason == (
        "default is asked for: the OU says so; default waits for approval: too many new connections within an hour "
        f"come from the tag of {UNIT}"
    )
    assert budget.granted(UNIT, TODAY) == 20


def test_while_people_are_asked_about_a_tag_it_connects_nobody_else() -> None:
    deps, budget, sweeps = dependencies()
    budget.batches(UNIT).hold(["111122223333#default"], TODAY.isoformat())
    assert [each.action for each in admit(assessment(), TODAY, deps).actions] == [Action.NOTHING]
    assert [scope for scope, _ in sweeps.started] == [UNIT]
    assert budget.granted(UNIT, TODAY) == 0


def test_each_profile_counts() -> None:
    deps, _, sweeps = dependencies(taken=19)
    found = admit(assessment("default", "finance", "marketing"), TODAY, deps)
    assert [each.action for each in found.actions] == [Action.CONNECT, Action.NOTHING, Action.NOTHING]
    assert len(sweeps.started) == 1


def test_a_repeated_assessment_counts_a_connection_once() -> None:
    deps, budget, sweeps = dependencies(taken=19)
    for _ in range(3):
        assert admit(assessment(), TODAY, deps) == assessment()
    assert (budget.granted(UNIT, TODAY), sweeps.started) == (20, [])


def test_who_is_on_the_list_that_people_have_starts_no_sweep_again() -> None:
    deps, budget, sweeps = dependencies()
    budget.batches(UNIT).hold([KEY], TODAY.isoformat())
    assert [each.action for each in admit(assessment(), TODAY, deps).actions] == [Action.NOTHING]
    assert sweeps.started == []


def test_a_list_that_was_approved_stops_nobody_else() -> None:
    deps, budget, sweeps = dependencies()
    batch = budget.batches(UNIT).hold(["111122223333#default"], TODAY.isoformat())
    assert batch
    budget.batches(UNIT).record_applied(batch.id)
    assert admit(assessment(), TODAY, deps) == assessment()
    assert sweeps.started == []


def test_an_hour_later_there_is_room_again() -> None:
    deps, _, _ = dependencies(taken=20)
    assert admit(assessment(), TODAY + timedelta(hours=2), deps) == assessment()


def test_an_approved_connection_is_made_and_uses_nothing_up() -> None:
    deps, budget, _ = dependencies(taken=20)
    budget.approve(UNIT, [KEY], TODAY)
    assert admit(assessment(), TODAY, deps) == assessment()
    assert budget.granted(UNIT, TODAY) == 20


def test_an_approval_of_another_units_tag_is_none() -> None:
    deps, budget, _ = dependencies(taken=20)
    budget.approve("r-ab12", [KEY], TODAY)
    assert [each.action for each in admit(assessment(), TODAY, deps).actions] == [Action.NOTHING]


def test_the_accounts_own_tag_and_a_budget_without_limit_ask_nobody() -> None:
    deps, _, _ = dependencies(taken=20)
    assert admit(assessment(unit=""), TODAY, deps) == assessment(unit="")
    deps, budget, _ = dependencies(percent=0)
    assert admit(assessment(), TODAY, deps) == assessment()
    assert budget.granted(UNIT, TODAY) == 0


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("profile", ["sales", "default"])
def test_while_a_person_has_stopped_the_roll_out_of_a_profile_it_rebuilds_no_role(profile: str, action: Action) -> None:
    deps, _, _ = dependencies()
    planned = PlannedAction(profile=profile, action=action, reason="changed")
    (admitted,) = admit(assessment()._replace(actions=[planned]), TODAY, deps).actions
    if (profile, action) != ("sales", Action.REBUILD):
        assert admitted == planned
        return
    assert (admitted.action, admitted.error) == (Action.REFUSE, "RolloutStopped")
    assert admitted.reason == (
        "changed. It keeps its state and is not rebuilt, because a person stopped the roll-out: queries fail"
    )

"""Full checks: what differs is repaired or reported, what differs in nothing is proven when it is its turn."""

from __future__ import annotations

from typing import Any

import pytest

from control_plane.assessment import Assessment
from control_plane.decision import Action, PlannedAction
from control_plane.opt_in import OptInRequest
from control_plane.sweep import inspecting
from control_plane.sweep.planning import SweepPlan
from control_plane.sweep.store import PLAN, load_plan
from tests.sweep_fakes import FakeSweepStore
from tests.unit.control_plane.vocabulary import CONSUMER, HUB, OPT_IN_POLICY, TODAY, account

SWEEP = "20261124030000-any"


def planned(profile: str, action: Action) -> PlannedAction:
    return PlannedAction(profile=profile, action=action, reason="tagged")


def inspected(monkeypatch: pytest.MonkeyPatch, *actions: PlannedAction) -> inspecting.InspectionResult:
    request = OptInRequest(profile_names=("default",), reason="tagged")
    found = Assessment(account("enabled"), list(actions), request)
    monkeypatch.setattr(inspecting, "assess", lambda *_: found)
    nothing: Any = None
    return inspecting.inspect([CONSUMER], OPT_IN_POLICY, HUB, nothing, TODAY)


def started(found: inspecting.InspectionResult, *, repairs: bool) -> list[str]:
    """What a sweep starts after these checks; a sweep with one connection in sync."""
    store = FakeSweepStore()
    store.put(SWEEP, PLAN, SweepPlan(in_sync=1))
    store.put(SWEEP, "checked#000000", found)
    return [each.what for each in load_plan(SWEEP, store, repairs=repairs).start]


@pytest.mark.parametrize("repairs", [True, False])
def test_a_proof_that_is_due_is_started_whether_drift_is_repaired_or_not(
    monkeypatch: pytest.MonkeyPatch, *, repairs: bool
) -> None:
    found = inspected(monkeypatch, planned("default", Action.PROVE), planned("sales", Action.NOTHING))
    assert started(found, repairs=repairs) == ["prove default: it is its turn"]
    assert found.differences == ()


@pytest.mark.parametrize(("repairs", "wanted"), [(True, ["connect sales: it differs from its profile"]), (False, [])])
def test_an_account_with_a_difference_is_not_started_for_a_proof(
    monkeypatch: pytest.MonkeyPatch, wanted: list[str], *, repairs: bool
) -> None:
    """Its reconcile would repair the difference, which `notify` forbids; and it proves whatever is due."""
    found = inspected(monkeypatch, planned("default", Action.PROVE), planned("sales", Action.CONNECT))
    assert (found.proofs, started(found, repairs=repairs)) == ((), wanted)


def test_an_account_that_needs_nothing_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inspected(monkeypatch, planned("default", Action.NOTHING)) == inspecting.InspectionResult()

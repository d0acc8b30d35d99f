"""Port `GrantBudget`, as each function that uses it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.grant_budget import DynamoDbGrantBudget
from control_plane.steps.approved_grants import apply_some
from tests.fakes import FakeGrantBudget, FakeReconciles

if TYPE_CHECKING:
    from collections.abc import Callable

    from control_plane.ports.grants import GrantBudget
    from tests.deployed_hub import Deployed

    BudgetOf = Callable[[str], GrantBudget]

NOW = datetime(2026, 11, 24, 8, 59, tzinfo=UTC)
UNIT, OTHER = "ou-ab12-consumers1", "r-ab12"
KEYS = [f"{number:012}#default" for number in range(1, 46)]


@pytest.fixture
def budget_of(deployed: Deployed | None) -> BudgetOf:
    """The budget as that function has it."""
    fake = FakeGrantBudget(percent=10)
    return lambda function: DynamoDbGrantBudget(*deployed.registry(function), percent=10) if deployed else fake


def test_the_limit_grows_with_the_organization(budget_of: BudgetOf) -> None:
    assert budget_of("AssessAccount").limit() == 20
    budget_of("PlanSweep").set_organization(900)
    assert (budget_of("AssessAccount").limit(), budget_of("PlanSweep").limit()) == (90, 90)


def test_no_more_than_the_limit_is_granted_in_two_hours(budget_of: BudgetOf) -> None:
    fresh = (f"{number:012}#default" for number in count(1))

    def take(unit: str, now: datetime) -> bool:
        return budget_of("AssessAccount").take(unit, next(fresh), 3, now)

    assert [take(UNIT, NOW) for _ in range(2)] == [True, True]
    soon = NOW + timedelta(minutes=1)
    assert [take(UNIT, soon) for _ in range(2)] == [True, False], "the hour has turned, and they still count"
    assert take(OTHER, soon), "each unit has its own"
    assert budget_of("PlanSweep").granted(UNIT, soon) == 3
    later = soon + timedelta(hours=1)
    assert [take(UNIT, later) for _ in range(3)] == [True, True, False]
    assert budget_of("PlanSweep").granted(UNIT, later) == 3


def test_an_approval_is_of_one_unit(budget_of: BudgetOf) -> None:
    budget_of("ApplyGrants").approve(UNIT, KEYS[:2], NOW)
    assert budget_of("AssessAccount").is_approved(UNIT, KEYS[0], NOW)
    assert not budget_of("AssessAccount").is_approved(OTHER, KEYS[0], NOW)
    assert not budget_of("AssessAccount").is_approved(UNIT, KEYS[2], NOW)
    assert budget_of("PlanSweep").approved(NOW) == {KEYS[0]: UNIT, KEYS[1]: UNIT}
    a_week_later = NOW + timedelta(days=7, seconds=1)
    assert not budget_of("AssessAccount").is_approved(UNIT, KEYS[0], a_week_later)
    assert budget_of("PlanSweep").approved(a_week_later) == {}


def test_a_connection_is_counted_once_within_some_hours(budget_of: BudgetOf) -> None:
    def take(connection: str, now: datetime) -> bool:
        return budget_of("AssessAccount").take(UNIT, connection, 2, now)

    assert [take(each, NOW) for each in (KEYS[0], KEYS[0], KEYS[1], KEYS[0], KEYS[2])] == [
        True,
        True,
        True,
        True,
        False,
    ]
    assert budget_of("PlanSweep").granted(UNIT, NOW) == 2
    assert budget_of("PlanSweep").counted(UNIT, NOW) == set(KEYS[:2])
    assert budget_of("PlanSweep").counted(OTHER, NOW) == frozenset()
    assert budget_of("PlanSweep").counted(UNIT, NOW + timedelta(hours=3, seconds=1)) == frozenset()


def test_each_unit_has_batches_of_its_own(budget_of: BudgetOf) -> None:
    assert budget_of("PlanSweep").waiting_units() == frozenset()
    first = budget_of("PlanSweep").batches(UNIT).hold(KEYS[:3], NOW.isoformat())
    other = budget_of("PlanSweep").batches(OTHER).hold(KEYS[3:4], NOW.isoformat())
    assert first
    assert other
    assert budget_of("PlanSweep").waiting_units() == {UNIT, OTHER}
    assert budget_of("AskForApproval").batches(UNIT).store_token(first.id, "token") == first
    assert budget_of("PlanSweep").batches(OTHER).held().connections == {KEYS[3]}
    second = budget_of("PlanSweep").batches(UNIT).hold(KEYS[:2], NOW.isoformat())
    assert second
    assert second.replaced_token == "token"


def test_an_approved_batch_is_applied_in_steps_and_only_while_it_is_the_one_that_waits(budget_of: BudgetOf) -> None:
    reconciles = FakeReconciles()

    def hold(*keys: str) -> str:
        batch = budget_of("PlanSweep").batches(UNIT).hold(keys, NOW.isoformat())
        assert batch
        return batch.id

    def apply(batch_id: str, offset: int) -> int | None:
        return apply_some(UNIT, batch_id, offset, NOW, budget_of("ApplyGrants"), reconciles)

    first = hold(*KEYS)
    assert apply(first, 0) == 20
    assert set(budget_of("PlanSweep").approved(NOW)) == set(KEYS[:20])
    replaced = hold(*KEYS[:30])  # by a sweep, while the first one is being applied
    assert [apply(first, 20), apply(first, 40)] == [40, 0]
    assert set(budget_of("PlanSweep").approved(NOW)) == set(KEYS)
    assert {each["account_id"] for each in reconciles.started.values()} == {key[:12] for key in KEYS}
    hold(*KEYS[:10])
    assert apply(replaced, 0) is None

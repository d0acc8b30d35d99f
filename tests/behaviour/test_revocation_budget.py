"""Port `RevocationBudget`, as each function that uses it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.revocation_budget import DynamoDbRevocationBudget
from control_plane.ports.access import ExpectedRevocations
from control_plane.ports.approvals import ApprovalBatch
from tests.fakes import FakeRevocationBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from control_plane.ports.access import RevocationBudget
    from tests.deployed_hub import Deployed

    BudgetOf = Callable[[str], RevocationBudget]

NOW = "2026-11-24T08:00:00.000Z"


def later(seconds: float) -> str:
    return (datetime.fromisoformat(NOW) + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def budget_of(deployed: Deployed | None) -> BudgetOf:
    """The budget as that function has it."""
    fake = FakeRevocationBudget()
    return lambda function: DynamoDbRevocationBudget(*deployed.registry(function)) if deployed else fake


@pytest.fixture
def budget(budget_of: BudgetOf) -> RevocationBudget:
    return budget_of("RevokeAccess")


def held(budget: RevocationBudget, *connections: str, at: float = 0) -> ApprovalBatch:
    batch = budget.hold(connections, later(at))
    assert batch is not None
    return batch


def test_revocations_are_counted_for_an_hour(budget: RevocationBudget) -> None:
    budget.count(["1#default"], NOW)
    budget.count(["2#default"], later(3000))
    assert set(budget.revoked()) == {"1#default", "2#default"}
    budget.count(["3#default"], later(3601))
    assert budget.revoked() == {
        "2#default": datetime.fromisoformat(later(3000)),
        "3#default": datetime.fromisoformat(later(3601)),
    }


def test_at_first_nothing_waits_and_nothing_is_asked(budget: RevocationBudget) -> None:
    assert (budget.held(), budget.hold([], NOW), budget.expected()) == (ApprovalBatch(), None, ExpectedRevocations())
    assert (budget.connections_of("1-20261124080000"), budget.is_applied("1-20261124080000")) == ([], False)


def test_another_list_is_another_batch(budget_of: BudgetOf) -> None:
    budget = budget_of("RevokeAccess")
    first = held(budget, "1#default", "2#default")
    assert held(budget, "1#default", "2#default", at=5) == first, "nobody was asked yet"
    budget.record_approval_requested(first)
    assert budget.hold(["2#default", "1#default"], later(9)) is None
    second = held(budget, "2#default", at=10)
    assert second.connections == {"2#default"}
    assert budget.held() == second
    assert budget.connections_of(first.id) == ["1#default", "2#default"]
    assert not budget.is_applied(first.id)
    budget.record_applied(first.id)
    assert budget.is_applied(first.id)
    assert not budget.is_applied(second.id)
    empty = held(budget, at=20)
    assert empty.connections == frozenset()
    assert len({first.id, second.id, empty.id}) == 3
    assert budget_of("AskForApproval").store_token(empty.id, "none") is None


def test_that_a_replaced_list_was_asked_about_says_nothing_of_the_next(budget: RevocationBudget) -> None:
    first = held(budget, "1#default")
    second = held(budget, "2#default", at=1)
    budget.record_approval_requested(first)
    assert budget.hold(["2#default"], later(2)) == second
    budget.record_approval_requested(second)
    budget.record_approval_requested(first)
    assert budget.hold(["2#default"], later(3)) is None


def test_the_token_of_a_replaced_list_is_kept_until_it_was_refused(budget_of: BudgetOf) -> None:
    first = held(budget_of("RevokeAccess"), "1#default", at=30)
    assert budget_of("AskForApproval").store_token(first.id, "token") == first
    writer = budget_of("EnsureAccess")
    second, third = held(writer, "2#default", at=31), held(writer, "3#default", at=32)
    assert (second.replaced_token, third.replaced_token) == ("token", "token"), "nobody has refused it yet"
    assert writer.held().replaced_token == ""
    writer.record_approval_requested(third)
    assert held(writer, "4#default", at=33).replaced_token == ""
    assert budget_of("AskForApproval").store_token(first.id, "late") is None


def test_a_token_that_comes_after_its_list_was_replaced_is_refused_too(budget_of: BudgetOf) -> None:
    first = held(budget_of("EnsureAccess"), "1#default")
    assert held(budget_of("EnsureAccess"), "2#default", at=1).replaced_token == ""
    assert budget_of("AskForApproval").store_token(first.id, "late") is None
    assert held(budget_of("EnsureAccess"), "2#default", at=2).replaced_token == "late"


def test_what_a_sweep_expects_is_held_until_it_was_approved(budget_of: BudgetOf) -> None:
    budget = budget_of("PlanSweep")
    budget.expect(["1#a", "2#b"])
    budget.expect(["2#b", "3#c"])
    assert budget.expected() == ExpectedRevocations(waiting=frozenset({"2#b", "3#c"}))
    writer = budget_of("ApplyRevocations")
    writer.record_applied(held(writer, "2#b", "4#d").id)
    assert writer.expected() == ExpectedRevocations(frozenset({"3#c"}), approved=frozenset({"2#b"}))
    writer.hold([], NOW)
    budget = budget_of("PlanSweep")
    assert budget.expected().approved == {"2#b"}
    budget.expect(["2#b"])
    assert budget.expected() == ExpectedRevocations(waiting=frozenset({"2#b"})), "a new list needs a new approval"
    budget.expect([])
    assert budget.expected() == ExpectedRevocations()


def test_an_approval_of_others_approves_nothing_that_a_sweep_expects(budget_of: BudgetOf) -> None:
    budget_of("PlanSweep").expect(["1#a"])
    writer = budget_of("ApplyRevocations")
    writer.record_applied(held(writer, "1#a").id)
    writer.record_applied(held(writer, "2#b", at=1).id)
    assert writer.expected() == ExpectedRevocations(approved=frozenset({"1#a"}))

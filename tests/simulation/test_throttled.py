"""AWS refuses calls for longer than retries last: it is waited out, and the account ends as its tag asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.test_reconcile_account import assert_connected

if TYPE_CHECKING:
    from tests.simulation.conftest import Story

LONG = 20 * 60.0


@pytest.mark.parametrize(
    ("service", "operation", "code", "role"),
    [
        ("lambda", "Invoke", "TooManyRequestsException", "ReconcileAccountRole"),
        ("dynamodb", "UpdateItem", "ThrottlingException", "ReconcileAccountRole"),
        ("cloudformation", "DescribeStackSetOperation", "Throttling", "ReconcileAccountRole"),
        ("organizations", "DescribeAccount", "TooManyRequestsException", ""),
        ("cloudformation", "DescribeStackInstance", "Throttling", ""),
        ("iam", "CreatePolicy", "Throttling", "EnsureAccessFunction"),
        ("quicksight", "CreateDataSource", "ThrottlingException", ""),
    ],
)
def test_twenty_minutes_of_throttling_are_waited_out(
    story: Story, service: str, operation: str, code: str, role: str
) -> None:
    story.world.faults.order(service=service, operation=operation, code=code, role=role, times=None, seconds=LONG)
    account_id = story.tagged()
    assert_connected(story, account_id)
    assert story.last.status == "SUCCEEDED"
    assert len(story.world.step_functions.executions) == 1


def test_an_event_that_lambda_never_takes_is_kept(story: Story) -> None:
    story.world.faults.order(
        service="lambda", operation="Invoke", code="TooManyRequestsException", role="ReconcileAccountRole", times=None
    )
    account_id = story.tagged()
    kept = [record for record in story.world.records() if record["sk"].startswith("unread#")]
    assert {record["error"] for record in kept} == {"Lambda.TooManyRequestsException"}
    # The event itself, and the look of the sweep that it started; that one starts no other.
    assert [account_id in record["event"] for record in kept] == [True, True]
    assert story.last.status == "FAILED"

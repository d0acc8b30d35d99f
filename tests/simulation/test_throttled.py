"""AWS refuses calls for longer than retries last: it is waited out, and the account ends as its tag asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.simulation.test_reconcile_account import assert_connected

if TYPE_CHECKING:
    from tests.simulation.conftest import Story

LONG = 20 * 60.0


@pytest.mark.parametrize(
    ("service", "operation", "code", "role"),
    [
        ("lambda", "Invoke", "TooManyRequestsException", "RouteEventRole"),
        ("lambda", "Invoke", "TooManyRequestsException", "ReconcileAccountRole"),
        ("lambda", "Invoke", "TooManyRequestsException", "ReconcileConnectionRole"),
        ("dynamodb", "UpdateItem", "ThrottlingException", "RouteEventRole"),
        ("dynamodb", "UpdateItem", "ThrottlingException", "ReconcileAccountRole"),
        ("dynamodb", "UpdateItem", "ThrottlingException", "ReconcileConnectionRole"),
        ("stepfunctions", "StartExecution", "ThrottlingException", "RouteEventRole"),
        ("stepfunctions", "StartExecution", "ThrottlingException", "ReconcileAccountRole"),
        ("cloudformation", "DescribeStackSetOperation", "Throttling", ""),
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
    assert len(story.executions()) == 1


def no_function_runs(story: Story, machine: str) -> None:
    """Lambda takes no invocation of that machine's, for ever."""
    story.world.faults.order(
        service="lambda", operation="Invoke", code="TooManyRequestsException", role=f"{machine}Role", times=None
    )


def test_an_event_that_lambda_never_takes_is_kept(story: Story) -> None:
    no_function_runs(story, "RouteEvent")
    event = {"detail": {"eventName": "SomethingNew", "text": "whose account is not in plain sight"}}
    story.route(event)
    story.run()
    kept = [record for record in story.world.records() if record["sk"].startswith("unread#")]
    assert [(record["error"], json.loads(record["event"])) for record in kept] == [
        ("Lambda.TooManyRequestsException", event)
    ]


def test_an_account_whose_event_lambda_never_takes_is_found_by_the_sweep_that_follows(story: Story) -> None:
    no_function_runs(story, "RouteEvent")
    account_id = story.tagged()
    assert story.executions("RouteEvent")[0].status == "FAILED"
    assert_connected(story, account_id)


def test_an_account_that_lambda_never_takes_is_reconciled_when_it_does(story: Story) -> None:
    no_function_runs(story, "ReconcileAccount")
    account_id = story.tagged()
    assert story.last.status == "FAILED"
    assert (story.claim(account_id)["unsettled"], "holder" in story.claim(account_id)) == ("in_progress", False)
    story.world.faults.clear()
    story.run(3600)  # the watch finds the claim that does not move
    assert_connected(story, account_id)

"""What the functions log: each line says which account it is about, and which execution it belongs to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from sandbox.organization import Sandbox


class Logging(Story):
    """A hub with one account that is connected and one that has failed."""

    connected = failed = ""

    def lines(self) -> list[dict[str, Any]]:
        """What functions have logged; their metrics are printed, too."""
        printed = [json.loads(line) for line in self.world.functions.log.lines]
        return [line for line in printed if "_aws" not in line]


@derived(world)
def logging(world: Sandbox) -> Logging:
    """Two accounts were tagged, and a sweep has ended."""
    story = Logging(world)
    story.connected, story.failed = story.tagged(), story.tagged("finance", "no-such-profile")
    story.run(86_400)
    return story


def test_each_line_says_which_execution_it_belongs_to(logging: Logging) -> None:
    started = {each.arn for each in logging.world.step_functions.executions}
    lines = [line for line in logging.lines() if "-WatchRegistryFunction-" not in line["function_name"]]
    assert {line["function_name"].split("-")[2] for line in lines} >= {"FindAccountFunction", "PlanSweepFunction"}
    assert [line for line in lines if line.get("execution") not in started] == []


def test_each_line_about_an_account_says_which(logging: Logging) -> None:
    accounts = {logging.connected, logging.failed}
    of_sweeps = [line for line in logging.lines() if "sweep" in line]
    of_accounts = [line for line in logging.lines() if ":execution:Reconcile" in line.get("execution", "")]
    assert of_sweeps
    assert {line["account_id"] for line in of_accounts} == accounts
    assert not any("account_id" in line for line in of_sweeps), "nothing is left of the invocation before"


def test_the_last_line_of_an_invocation_says_how_it_ended(logging: Logging) -> None:
    ends = [line for line in logging.lines() if line["message"] in ("ended", "raised")]
    by_request: dict[str, list[str]] = {}
    for line in logging.lines():
        by_request.setdefault(line["function_request_id"], []).append(line["message"])
    assert {messages[-1] for messages in by_request.values()} <= {"ended", "raised"}
    assert len(ends) == len(by_request)
    assert all(line["duration_ms"] >= 0 for line in ends)

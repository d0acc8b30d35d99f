"""Defects put in on purpose: each must make at least one trial's end differ."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.conftest import Story

States = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """A defect, and the scenario and the kind of trouble that must find it."""

    name: str
    put_in: Callable[[Story], None]
    scenario: str
    kind: str
    shows: str  # in what differs
    first: int = 0  # no point before this can find it


def _in_machine(change: Callable[[States], None], name: str = "ReconcileAccount") -> Callable[[Story], None]:
    """A defect of a deployed state machine."""

    def put_in(story: Story) -> None:
        arn = story.world.outputs["ReconcileAccountArn"].replace("ReconcileAccount", name)
        with story.world.cloud.administering(story.world.cloud.topology.hub):
            client = story.world.cloud.client("stepfunctions")
            machine = json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"])
            change(machine["States"])
            client.update_state_machine(stateMachineArn=arn, definition=json.dumps(machine))

    return put_in


def _no_takeover(states: States) -> None:
    states["TakeOver"] = {"Type": "Pass", "Next": "DeferredToHolder"}


def _release_ignores_the_flag(states: States) -> None:
    states["Release"]["Arguments"]["ConditionExpression"] = "holder = :holder"


def _waits_ignore_the_flag(states: States) -> None:
    states["RenewClaim"]["Arguments"]["ConditionExpression"] = "holder = :holder"


def _unconditional_claim(states: States) -> None:
    """A claim that is held counts for nobody: neither when it is asked for, nor when it is taken."""
    states["RequestRequeue"]["Arguments"]["ConditionExpression"] = "attribute_exists(nothing)"
    del states["Claim"]["Arguments"]["ConditionExpression"]


def _lease_not_read_again(_story: Story) -> None:
    ledger = importlib.import_module("control_plane.aws.ledger")  # where a deployed world put it on the path
    ledger.DynamoDbLedger.holds = lambda _self, _holder: True


MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant("no takeover", _in_machine(_no_takeover), "connect", "killed", "claim: wanted {'reason'", 2),
        Mutant(
            "flag ignored at release",
            _in_machine(_release_ignores_the_flag),
            "connect",
            "turned round",
            "access: wanted False",
            21,
        ),
        Mutant(
            "flag ignored in waits",
            _in_machine(_waits_ignore_the_flag, "ReconcileConnection"),
            "connect",
            "turned round",
            "before it was requeued",
            22,
        ),
        Mutant(
            "claim without condition",
            _in_machine(_unconditional_claim),
            "connect",
            "two at once",
            "stack set operations",
        ),
        Mutant(
            "lease not read again",
            _lease_not_read_again,
            "restore",
            "writer outlived its lease",
            "access policy",
            60,
        ),
    )
}

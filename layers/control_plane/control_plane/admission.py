"""Let an assessed account have what it needs, or have it wait: for the grant budget, or for a person's resume."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from control_plane.account import Connection
from control_plane.assessment import Assessment
from control_plane.decision import Action, PlannedAction, refusal
from control_plane.errors import RolloutStopped
from control_plane.ports.approvals import open_question
from control_plane.ports.grants import GrantBudget, Sweeps


class AdmissionDependencies(NamedTuple):
    """The stored grant budget, and who asks people. `stopped`: why a person stopped a profile's deployments, if so."""

    budget: GrantBudget
    sweeps: Sweeps
    stopped: Callable[[str], str]


def admit(found: Assessment, now: datetime, deps: AdmissionDependencies) -> Assessment:
    """The assessment with those actions only that the grant budget allows, and a person who stopped a roll-out.

    A sweep sees every account that a tag of an OU or the root reaches, so a sweep of it asks people about all of them.
    None is started for a connection that people are being asked about: it would find nothing new.
    """
    new = {each.profile: each for each in found.actions if each.unit}
    answers = {name: _decide(_key(found, each), each.unit, now, deps.budget) for name, each in new.items()}
    for unit in {new[name].unit for name, answer in answers.items() if answer is _Answer.ASK}:
        deps.sweeps.start(unit, f"account {found.account.id} waits for an approval of the tag of {unit}")
    waits = {name for name, answer in answers.items() if answer is not _Answer.GRANTED}
    actions = [_waiting(each) if each.profile in waits else each for each in found.actions]
    return found._replace(actions=[_unless_stopped(each, deps.stopped) for each in actions])


class _Answer(Enum):
    """A new connection may be made, people are being asked about it, or they have to be."""

    GRANTED = auto()
    ASKED = auto()
    ASK = auto()


def _key(found: Assessment, planned: PlannedAction) -> str:
    return Connection(account_id=found.account.id, profile=planned.profile).key


def _decide(connection: str, unit: str, now: datetime, budget: GrantBudget) -> _Answer:
    most = budget.limit()
    if most is None or budget.is_approved(unit, connection, now):
        return _Answer.GRANTED
    question = open_question(budget.batches(unit))
    if connection in question:
        return _Answer.ASKED
    return _Answer.GRANTED if not question and budget.take(unit, connection, most, now) else _Answer.ASK


def _waiting(planned: PlannedAction) -> PlannedAction:
    why = f"waits for approval: too many new connections within an hour come from the tag of {planned.unit}"
    return planned.model_copy(update={"action": Action.NOTHING, "reason": why})


def _unless_stopped(planned: PlannedAction, stopped: Callable[[str], str]) -> PlannedAction:
    """No rebuild while nothing may be deployed: the role would be removed, and the account would have no access."""
    if planned.action is not Action.REBUILD or not (why := stopped(planned.profile)):
        return planned
    reason = f"{planned.reason}. It keeps its state and is not rebuilt, because a person stopped the roll-out: {why}"
    return refusal(planned.profile, RolloutStopped.__name__, reason)

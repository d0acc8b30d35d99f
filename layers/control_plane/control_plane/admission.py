"""Let an assessed account have its new connections, or have them wait: the grant budget for one account."""

from dataclasses import dataclass, replace
from datetime import datetime

from control_plane.account import Connection
from control_plane.assessment import Assessment
from control_plane.decision import Action, PlannedAction
from control_plane.ports.grants import GrantBudget, Sweeps


@dataclass(frozen=True)
class AdmissionDependencies:
    """The stored grant budget, and who asks people."""

    budget: GrantBudget
    sweeps: Sweeps


def admit(found: Assessment, now: datetime, deps: AdmissionDependencies) -> Assessment:
    """The assessment with those actions only that the grant budget allows.

    A sweep sees every account that a tag of an OU or the root reaches, so a sweep of it asks people about all of them.
    """
    waits = [each for each in found.actions if each.unit and not _is_free(found.account.id, each, now, deps.budget)]
    for unit in {each.unit for each in waits}:
        deps.sweeps.start(unit, f"account {found.account.id} waits for an approval of the tag of {unit}")
    return replace(found, actions=[_waiting(each) if each in waits else each for each in found.actions])


def _is_free(account_id: str, planned: PlannedAction, now: datetime, budget: GrantBudget) -> bool:
    most = budget.limit()
    if most is None:
        return True
    connection = Connection(account_id=account_id, profile=planned.profile)
    if budget.is_approved(planned.unit, connection.key):
        return True
    is_in_question = bool(budget.batches(planned.unit).held().connections)
    return not is_in_question and budget.take(planned.unit, most, now)


def _waiting(planned: PlannedAction) -> PlannedAction:
    why = f"waits for approval: too many new connections within an hour come from the tag of {planned.unit}"
    return planned.model_copy(update={"action": Action.NOTHING, "reason": why})

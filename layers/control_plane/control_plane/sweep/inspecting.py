"""Assess some accounts in full: the lists don't have parameters, permissions and tags."""

from collections.abc import Sequence
from datetime import datetime

from control_plane.access_policy import Shard
from control_plane.account import Hub
from control_plane.assessment import AssessmentDependencies, assess
from control_plane.decision import Action, PlannedAction
from control_plane.errors import (
    AccountNotActive,
    AccountNotFound,
    AccountNotReachable,
    InvalidExpiry,
    InvalidProfiles,
    InvalidTagValue,
    NotOurs,
)
from control_plane.opt_in import OptInPolicy, Value
from control_plane.ports.access import Shards
from control_plane.sweep.planning import ADDITIONS, REPAIRED, Difference, Expected

# The account has changed since the lists were read. An event or the next sweep handles that.
OUTDATED = (
    AccountNotActive,
    AccountNotFound,
    AccountNotReachable,
    InvalidExpiry,
    InvalidProfiles,
    InvalidTagValue,
)


class CachedShards:
    """Port `Shards`: reads the shards once, for many accounts."""

    def __init__(self, policies: Shards) -> None:
        self._policies = policies
        self._shards: list[Shard] | None = None

    def shards(self) -> list[Shard]:
        """The shards in force at the first call."""
        if self._shards is None:
            self._shards = self._policies.shards()
        return self._shards


class InspectionResult(Value):
    """The result of full checks: differences to repair, connections to prove, and resources that are not ours.

    `publishing`: accounts that differ because somebody began or ceased to publish to them.
    """

    publishing: tuple[Difference, ...] = ()
    proofs: tuple[Difference, ...] = ()
    differences: tuple[Difference, ...] = ()
    unmanaged: tuple[str, ...] = ()


def inspect(
    account_ids: Sequence[str], opt_in_policy: OptInPolicy, hub: Hub, deps: AssessmentDependencies, now: datetime
) -> InspectionResult:
    """Check these accounts. Removals are left out: the plan has everything it needs for them from the lists."""
    differences: list[Difference] = []
    publishing: list[Difference] = []
    proofs, unmanaged = [], []
    for account_id in account_ids:
        try:
            assessment = assess(account_id, opt_in_policy, hub, deps, now)
        except OUTDATED:
            continue
        name = assessment.account.name
        if actions := [each for each in assessment.actions if each.action in ADDITIONS]:
            expected = tuple(
                Expected(profile=each.profile, outcome=REPAIRED, reason="it differed from its profile")
                for each in actions
            )
            found = Difference(account_id=account_id, name=name, what=_describe(actions), expected=expected)
            (publishing if any(each.publishing for each in actions) else differences).append(found)
        elif due := [each.profile for each in assessment.actions if each.action is Action.PROVE]:
            proofs.append(Difference(account_id=account_id, name=name, what=f"prove {', '.join(due)}: it is its turn"))
        unmanaged += [
            f"{account_id}#{each.profile}: {each.reason}"
            for each in assessment.actions
            if each.error == NotOurs.__name__
        ]
    return InspectionResult(
        publishing=tuple(publishing),
        differences=tuple(differences),
        proofs=tuple(proofs),
        unmanaged=tuple(unmanaged),
    )


def _describe(actions: Sequence[PlannedAction]) -> str:
    return "; ".join(f"{each.action.value} {each.profile}: it differs from its profile" for each in actions)

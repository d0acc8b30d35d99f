"""Look at some accounts in full: lists don't show parameters, permissions and tags."""

from collections.abc import Sequence
from datetime import datetime

from control_plane.access_policy import Shard
from control_plane.account import Hub
from control_plane.asking import Terms, Value
from control_plane.assessment import World, assess
from control_plane.decision import Step
from control_plane.errors import (
    AccountNotActive,
    AccountNotFound,
    AccountNotReachable,
    InvalidProfiles,
    InvalidTagValue,
    NotOurs,
)
from control_plane.ports import Shards
from control_plane.sweep.planning import ADDITIONS, Difference

# The account has changed since the lists were read: an event, or the next sweep, is about that.
CHANGED = (AccountNotActive, AccountNotFound, AccountNotReachable, InvalidProfiles, InvalidTagValue)


class ReadOnce:
    """Port `Shards`, read once for many accounts."""

    def __init__(self, policies: Shards) -> None:
        self._policies = policies
        self._shards: list[Shard] | None = None

    def shards(self) -> list[Shard]:
        """The shards in force, as they were when first asked for."""
        if self._shards is None:
            self._shards = self._policies.shards()
        return self._shards


class Found(Value):
    """What a look in full found: what differs and is to be repaired, and what has our names and is not ours."""

    differences: tuple[Difference, ...] = ()
    strangers: tuple[str, ...] = ()


def inspect(account_ids: Sequence[str], terms: Terms, hub: Hub, world: World, now: datetime) -> Found:
    """Look at these. Removals are none of this: the plan has compared all that matters for them."""
    differences, strangers = [], []
    for account_id in account_ids:
        try:
            found = assess(account_id, terms, hub, world, now)
        except CHANGED:
            continue
        if steps := [step for step in found.steps if step.action in ADDITIONS]:
            differences.append(Difference(account_id=account_id, name=found.account.name, what=_words(steps)))
        strangers += [f"{account_id}#{step.profile}" for step in found.steps if step.error == NotOurs.__name__]
    return Found(differences=tuple(differences), strangers=tuple(strangers))


def _words(steps: Sequence[Step]) -> str:
    return "; ".join(f"{step.action.value} {step.profile}: it differs from its profile" for step in steps)

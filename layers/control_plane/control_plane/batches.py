"""Choose which of the waiting changes share the next operation of a stack set. Pure.

StackSets may run all operations of a stack set one after the other, so what waits together should go together. A
version of the consumer role that no account has yet goes to one account first, then to ten times as many each time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from control_plane.ports.stack_set_queue import ChangeKind, QueuedChange, Rollout

GROWTH = 10  # times as many accounts as have the version already
CANARIES = 3  # accounts in a row that may fail before any account has the version
STOPPED_FOR = timedelta(hours=1)  # after it one more account may try
NEWEST_SHARE = 5  # one of so many places is for those who came last: nobody waits for a thousand others


def rollout_of(rollout: Rollout, version: str) -> Rollout:
    """How far this version got. Another version's progress says nothing about it."""
    return rollout if rollout.version == version else Rollout(version=version, resumed=rollout.resumed)


def is_stopped(rollout: Rollout, now: str) -> bool:
    """Whether the version failed everywhere it was tried, and not long ago."""
    if rollout.succeeded or len(rollout.failures) < CANARIES:
        return False
    return datetime.fromisoformat(now) - datetime.fromisoformat(rollout.failed_at) < STOPPED_FOR


def after_batch(rollout: Rollout, kind: ChangeKind, succeeded: int, failures: Sequence[str], now: str) -> Rollout:
    """How far a version got once a batch of it has ended. A batch that mostly fails takes back the trust in it.

    New parameters of a stack say nothing about its template.
    """
    if len(failures) > succeeded:
        kept = (*rollout.failures, *failures)[-CANARIES:]
        return rollout.model_copy(update={"succeeded": 0, "failures": kept, "failed_at": now})
    if kind is ChangeKind.SET_PARAMETERS or not succeeded:
        return rollout
    return rollout.model_copy(update={"succeeded": rollout.succeeded + succeeded, "failures": (), "failed_at": ""})


def limit_of(rollout: Rollout, largest: int) -> int:
    """How many accounts the next batch of this version may have."""
    return max(1, min(largest, GROWTH * rollout.succeeded))


def next_kind(changes: Sequence[QueuedChange], last: ChangeKind | None) -> ChangeKind:
    """The kind of the change that waits longest, but not twice the same kind while others wait."""
    others = [each for each in changes if each.kind is not last]
    return min(others or changes, key=_age).kind


def alike(changes: Sequence[QueuedChange]) -> list[QueuedChange]:
    """Those that need the same parameters as the one that waits longest: an operation gives all its accounts the same.

    An update of the template leaves each account its parameters.
    """
    first = min(changes, key=_age)
    return [each for each in changes if each.kind is ChangeKind.UPDATE_TEMPLATE or each.values == first.values]


def choose(changes: Sequence[QueuedChange], limit: int) -> list[QueuedChange]:
    """The changes for the next batch, of one kind: those that wait longest, and some that came last."""
    waiting = sorted(changes, key=_age)
    if len(waiting) <= limit:
        return waiting
    newest = limit // NEWEST_SHARE
    return waiting[: limit - newest] + (waiting[-newest:] if newest else [])


def _age(change: QueuedChange) -> tuple[str, str]:
    """Sorts by who waits longest."""
    return change.requested_at, change.account_id

"""The grant budget: how many new connections an hour one tag on an OU or the root brings without an approval. Pure.

One tag on the root must not expose a whole organization by mistake. A tag on the account itself is not limited: who
sets it decides about that account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ALWAYS = 20  # new connections, however small the organization is
WINDOW = timedelta(hours=1)
HOUR = "%Y-%m-%dT%H"
MAX_BATCH = 5_000  # connections that people are asked about at once: a batch is one item of the registry


def limit(accounts: int, percent: int) -> int | None:
    """New connections within an hour that need no approval; None: any number. `accounts`: in the organization."""
    return max(ALWAYS, accounts * percent // 100) if percent else None


def hours(now: datetime) -> tuple[str, str]:
    """The hours (UTC) whose new connections count together: this one and the one before.

    Sixty minutes from any minute on lie within two such hours. So they have no more, but for calls that began before
    an hour turned and end after it.
    """
    return now.strftime(HOUR), (now - WINDOW).strftime(HOUR)


@dataclass(frozen=True)
class GrantState:
    """What a sweep needs to know of the budget. `limit`: None is no limit.

    By OU or root: `granted`, the new connections of the last two hours; `held`, those that people are being asked
    about. `approved`: connections that may be made, because people approved them or because they were counted
    already, and the OU or root that this is about.
    """

    limit: int | None = None
    granted: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    approved: Mapping[str, str] = field(default_factory=dict)


def waiting(unit: str, requested: Sequence[str], state: GrantState, *, is_complete: bool) -> tuple[str, ...]:
    """Which of a unit's requested new connections wait for approval: none of them, or all, so that people see all.

    `is_complete`: `requested` are all there are. Otherwise those that wait already are added.
    """
    fresh = {key for key in requested if state.approved.get(key) != unit}
    if not is_complete:
        fresh |= {key for key in state.held.get(unit, ()) if state.approved.get(key) != unit}
    is_over = state.limit is not None and len(fresh) + state.granted.get(unit, 0) > state.limit
    return tuple(sorted(fresh)) if is_over and fresh else ()

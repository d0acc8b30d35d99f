"""The brake: how many revocations an hour go through before a person has seen the list. Pure.

A lost permission, an empty page or another tool that rewrites tags must never look like "nobody is tagged".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(hours=1)
ALWAYS = 5  # revocations an hour, however few connections there are
PERCENT = 10  # of the connections
# How old the time may be that a function is given: a state's, with all its retries (tests/contract/test_template.py).
# So another writer's time may be as far ahead of ours, and what is further ahead is no writer's.
OLDEST_CALL = timedelta(minutes=30)


@dataclass(frozen=True)
class Removal:
    """An entry of the access policy that is to go: its connection as `account#profile`, and its role.

    What is no connection of ours has its ARN for a key. `counted`: the brake counts it. It does not when the account
    is gone.
    """

    key: str
    arn: str
    counted: bool
    asked: str


@dataclass(frozen=True)
class Verdict:
    """Removals that wait for approval, and counted ones that go now; by key. All others go."""

    hold: frozenset[str]
    count: frozenset[str]


def limit(connected: int) -> int:
    """Counted revocations in a rolling hour that need no approval."""
    return max(ALWAYS, connected * PERCENT // 100)


def latest(recent: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """The revocations of the rolling hour, of those remembered; none can have gone in the future."""
    return {key: went for key, went in recent.items() if -OLDEST_CALL <= now - went < WINDOW}


def room(in_force: int, within: Collection[str], asked: Collection[str]) -> int:
    """How many counted revocations still need no approval.

    `within` went in the last hour already, `asked` are to go now; what went and is not in force any more counts as a
    connection still, or each revocation would make the next one's limit smaller.
    """
    return limit(in_force + len(set(within) - set(asked))) - len(within)


def sort_out(
    removals: Iterable[Removal],
    in_force: int,
    recent: Mapping[str, datetime],
    held: frozenset[str],
    now: datetime,
) -> Verdict:
    """Which of the removals go now and which wait.

    `removals` are entries in force, `in_force` counts all entries there are, `recent` says of each counted
    revocation when it went, `held` are those that wait already or have to: they go by approval only. First asked,
    first served. What was counted already goes on by itself, unless more is said to have been than ever could.
    """
    within = latest(recent, now)
    passed = within if len(within) <= limit(in_force + len(within)) else {}
    counted = [each for each in removals if each.counted and each.key not in passed]
    waiting = sorted((each for each in counted if each.key not in held), key=lambda each: (each.asked, each.key))
    free = max(0, room(in_force, within, [each.key for each in removals]))
    hold = {each.key for each in (*waiting[free:], *(each for each in counted if each.key in held))}
    return Verdict(frozenset(hold), frozenset(each.key for each in waiting[:free]))

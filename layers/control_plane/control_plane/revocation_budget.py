"""The revocation budget: how many revocations an hour are applied without an approval. Pure.

A lost permission, an empty page or another tool that rewrites tags must never look like "no account is tagged".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

WINDOW = timedelta(hours=1)
ALWAYS = 5  # revocations an hour, however few connections there are
PERCENT = 10  # of the connections
# The maximum age of the time a function is given: the time its state was entered, with all retries
# (tests/contract/test_template.py). So the time of another writer may be that far ahead of ours. A time that is further
# ahead was not written by a writer.
OLDEST_CALL = timedelta(minutes=30)


class Revocation(NamedTuple):
    """An entry to remove from the access policy: its connection as `account#profile`, and the role's ARN.

    For an entry that is not a connection of ours the key is the ARN. `counted`: it uses up the budget; it does not when
    the account is inactive.
    """

    key: str
    arn: str
    counted: bool
    requested_at: str


@dataclass(frozen=True)
class Verdict:
    """Keys of revocations that wait for approval, and of counted ones to apply now. All others are applied, too."""

    hold: frozenset[str]
    count: frozenset[str]


def limit(connected: int) -> int:
    """Counted revocations in a rolling hour that need no approval."""
    return max(ALWAYS, connected * PERCENT // 100)


def latest(recent: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """The recorded revocations of the rolling hour. A time in the future is not believed."""
    return {key: revoked_at for key, revoked_at in recent.items() if -OLDEST_CALL <= now - revoked_at < WINDOW}


def remaining(in_force: int, within: Collection[str], requested: Collection[str]) -> int:
    """How many counted revocations still need no approval.

    `within` were revoked in the last hour, `requested` are to be revoked now. A connection that was revoked and is no
    longer in force still counts as a connection: otherwise each revocation would lower the limit for the next one.
    """
    return limit(in_force + len(set(within) - set(requested))) - len(within)


def decide(
    revocations: Iterable[Revocation],
    in_force: int,
    recent: Mapping[str, datetime],
    held: frozenset[str],
    now: datetime,
) -> Verdict:
    """Which revocations are applied now and which wait for approval.

    `revocations` are entries in force, `in_force` is the number of all entries, `recent` has the time of each counted
    revocation, `held` are those that wait already or have to wait: they are applied after an approval only. Oldest
    requests come first. A revocation that was counted already is applied again without counting, unless more were
    recorded than the limit ever allowed.
    """
    within = latest(recent, now)
    passed = within if len(within) <= limit(in_force + len(within)) else {}
    counted = [each for each in revocations if each.counted and each.key not in passed]
    waiting = sorted((each for each in counted if each.key not in held), key=lambda each: (each.requested_at, each.key))
    free = max(0, remaining(in_force, within, [each.key for each in revocations]))
    hold = {each.key for each in (*waiting[free:], *(each for each in counted if each.key in held))}
    return Verdict(frozenset(hold), frozenset(each.key for each in waiting[:free]))

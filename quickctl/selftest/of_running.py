"""What was seen of the services that run the hub: names of errors, pages, expiry, quotas, times. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from quickctl.observing import EXECUTIONS_PAGE
from quickctl.selftest.check import Judgement, not_seen, otherwise, verified
from quickctl.selftest.evidence import seconds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from quickctl.selftest.evidence import Passage

STEPS = ("EnsureConsumerRole", "EnsureAccess", "EnsureDataSource", "EnsureProof")
TOO_LONG = {  # the errors with which a connection ends when AWS takes longer than it is waited for
    "DataSourceDenied": "IAM's propagation (15 minutes are waited for)",
    "StackSetBusy": "a stack set operation",
    "States.Timeout": "the whole of it",
}
AT_ONCE = 1000  # functions, Lambda's default quota
LATE = timedelta(days=4)  # "typically ... within a few days": DynamoDB Developer Guide, time to live


@dataclass(frozen=True)
class Expiry:
    """Items that should have been deleted by now, and whether any could be that old."""

    overdue: int
    is_old_enough: bool


def error_names(attempts: Sequence[str], expected: Collection[str]) -> Judgement:
    """Whether the errors of AWS's services have the names that the state machines retry and catch."""
    named = Counter(each for each in attempts if "." in each)
    unknown = sorted(set(named) - set(expected))
    if unknown:
        return otherwise(f"no state machine knows {', '.join(unknown)}")
    if named:
        return verified(", ".join(f"{name} ({count})" for name, count in sorted(named.items())))
    return not_seen("no call of a state machine failed")


def pages(executions: int, *, has_more: bool) -> Judgement:
    """Whether ListExecutions answers in pages of 1,000."""
    if has_more and executions < EXECUTIONS_PAGE:
        return otherwise(f"a page has {executions} executions, and there are more")
    if has_more:
        return verified(f"a page has {executions} executions")
    return not_seen(f"there are {executions} executions, less than a page")


def expiry(found: Expiry) -> Judgement:
    """Whether DynamoDB deletes items that have expired."""
    if found.overdue:
        return otherwise(f"{found.overdue} items expired more than {LATE.days} days ago and are still there")
    if found.is_old_enough:
        return verified("no item is left that expired days ago")
    return not_seen("no sweep is old enough for its items to have expired")


def functions_at_once(quota: int) -> Judgement:
    """Whether the hub may run as many functions at once as the figures of the documents assume."""
    text = f"the quota is {quota} functions at once"
    return verified(text) if quota >= AT_ONCE else otherwise(text)


def durations(passages: Sequence[Passage]) -> Judgement:
    """Whether AWS is as fast as it is waited for; and how fast it is."""
    failed = Counter(each.error for each in passages if each.error in TOO_LONG)
    if failed:
        return otherwise("; ".join(f"{name} ({count}): {TOO_LONG[name]}" for name, count in sorted(failed.items())))
    made = [each for each in passages if each.outcome == "connected" and each.ended]
    if not made:
        return not_seen("no connection was made")
    totals = [(each.ended - (each.requested or each.started)).total_seconds() for each in made if each.ended]
    steps = [f"{name} {text}" for name in STEPS if (text := _step(made, name))]
    return verified(f"from tag to connected {seconds(totals)}; {'; '.join(steps)}")


def _step(passages: Sequence[Passage], name: str) -> str:
    found = (each.step(name) for each in passages)
    took = [(step.ended - step.started).total_seconds() for step in found if step and step.ended]
    return seconds(took) if took else ""

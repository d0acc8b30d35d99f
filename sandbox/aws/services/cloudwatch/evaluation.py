"""What an alarm's state should be, given what was measured: pure.

Sources: CloudWatch User Guide, alarm-evaluation ("M out of N"; premature transitions), alarm-evaluation-window (the
window is Period times Evaluation Periods, and slides), alarms-and-missing-data. On AWS an alarm may also look at older
values when some of the window are missing; how far is not documented, and here it does not. The reasons have the
words AWS's have as users show them.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

Compare = tuple["Callable[[float, float], bool]", str]
COMPARISONS: dict[str, Compare] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True)
class AlarmCondition:
    """What decides: `needed` of the `periods` must breach the threshold."""

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str = "missing"

    def breaches(self, value: float) -> bool:
        """Whether one value is over (or under) the threshold."""
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True)
class Period:
    """One period of the window; no value when nothing was measured."""

    start: datetime
    value: float | None


def evaluate(condition: AlarmCondition, periods: Sequence[Period]) -> tuple[str, str] | None:
    """The state and its reason, from the window's periods, newest first; None: the state stays as it is."""
    known = [period for period in periods if period.value is not None]
    if not known:
        return _without_data(condition)
    verdicts = [_verdict(condition, period) for period in periods]
    if verdicts.count(True) >= condition.needed or (condition.missing == "missing" and _premature(condition, verdicts)):
        return "ALARM", _reason(condition, known, alarm=True)
    if condition.missing == "ignore" and verdicts.count(True) + verdicts.count(None) >= condition.needed:
        return None
    return "OK", _reason(condition, known, alarm=False)


def _verdict(condition: AlarmCondition, period: Period) -> bool | None:
    """Whether a period counts as breaching; None when it is missing and counts as neither."""
    if period.value is not None:
        return condition.breaches(period.value)
    return {"breaching": True, "notBreaching": False}.get(condition.missing)


def _premature(condition: AlarmCondition, verdicts: Sequence[bool | None]) -> bool:
    """The oldest breaching period is as old as it needs to be, and all since then breach or are missing."""
    breaching = [age for age, verdict in enumerate(verdicts, start=1) if verdict]
    return bool(breaching) and breaching[-1] >= condition.needed and False not in verdicts[: breaching[-1]]


def _without_data(condition: AlarmCondition) -> tuple[str, str] | None:
    if condition.missing == "ignore":
        return None
    count = condition.periods
    if condition.missing == "missing":
        return "INSUFFICIENT_DATA", f"Insufficient Data: {_some(count, 'datapoint')} {_was(count)} unknown."
    treated = f"{_some(count, 'missing datapoint')} {_was(count)} treated as [{TREATED[condition.missing]}]"
    reason = f"Threshold Crossed: no datapoints were received for {_some(count, 'period')} and {treated}."
    return "ALARM" if condition.missing == "breaching" else "OK", reason


def _reason(condition: AlarmCondition, known: Sequence[Period], *, alarm: bool) -> str:
    shown = [period for period in known if condition.breaches(period.value or 0.0) is alarm] or known
    values = ", ".join(f"{period.value} ({period.start:%d/%m/%y %H:%M:%S})" for period in shown)
    words = COMPARISONS[condition.comparison][1] if alarm else f"not {COMPARISONS[condition.comparison][1]}"
    least = condition.needed if alarm else condition.periods - condition.needed + 1
    change = "OK -> ALARM" if alarm else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(shown)} out of the last {condition.periods} datapoints [{values}] {_was(len(shown))} "
        f"{words} the threshold ({condition.threshold}) (minimum {_some(least, 'datapoint')} for {change} transition)."
    )


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"

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
class Measure:
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
class Point:
    """One period of the window; no value when nothing was measured."""

    start: datetime
    value: float | None


def judge(measure: Measure, points: Sequence[Point]) -> tuple[str, str] | None:
    """The state and its reason, from the window's periods, newest first; None: the state stays as it is."""
    known = [point for point in points if point.value is not None]
    if not known:
        return _without_data(measure)
    verdicts = [_verdict(measure, point) for point in points]
    if verdicts.count(True) >= measure.needed or (measure.missing == "missing" and _premature(measure, verdicts)):
        return "ALARM", _reason(measure, known, alarm=True)
    if measure.missing == "ignore" and verdicts.count(True) + verdicts.count(None) >= measure.needed:
        return None
    return "OK", _reason(measure, known, alarm=False)


def _verdict(measure: Measure, point: Point) -> bool | None:
    """Whether a period counts as breaching; None when it is missing and counts as neither."""
    if point.value is not None:
        return measure.breaches(point.value)
    return {"breaching": True, "notBreaching": False}.get(measure.missing)


def _premature(measure: Measure, verdicts: Sequence[bool | None]) -> bool:
    """The oldest breaching period is as old as it needs to be, and all since then breach or are missing."""
    breaching = [age for age, verdict in enumerate(verdicts, start=1) if verdict]
    return bool(breaching) and breaching[-1] >= measure.needed and False not in verdicts[: breaching[-1]]


def _without_data(measure: Measure) -> tuple[str, str] | None:
    if measure.missing == "ignore":
        return None
    count = measure.periods
    if measure.missing == "missing":
        return "INSUFFICIENT_DATA", f"Insufficient Data: {_some(count, 'datapoint')} {_was(count)} unknown."
    treated = f"{_some(count, 'missing datapoint')} {_was(count)} treated as [{TREATED[measure.missing]}]"
    reason = f"Threshold Crossed: no datapoints were received for {_some(count, 'period')} and {treated}."
    return "ALARM" if measure.missing == "breaching" else "OK", reason


def _reason(measure: Measure, known: Sequence[Point], *, alarm: bool) -> str:
    shown = [point for point in known if measure.breaches(point.value or 0.0) is alarm] or known
    values = ", ".join(f"{point.value} ({point.start:%d/%m/%y %H:%M:%S})" for point in shown)
    words = COMPARISONS[measure.comparison][1] if alarm else f"not {COMPARISONS[measure.comparison][1]}"
    least = measure.needed if alarm else measure.periods - measure.needed + 1
    change = "OK -> ALARM" if alarm else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(shown)} out of the last {measure.periods} datapoints [{values}] {_was(len(shown))} "
        f"{words} the threshold ({measure.threshold}) (minimum {_some(least, 'datapoint')} for {change} transition)."
    )


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"

"""An alarm as moto keeps it, in the words its evaluation needs; what is not claimed is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.models import cloudwatch_backends

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudwatch.evaluation import COMPARISONS, AlarmCondition, Period
from sandbox.aws.services.cloudwatch.metrics import MINUTE, Series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
MISSING = ("missing", "ignore", "breaching", "notBreaching", None)
Key = tuple[str, str, str]  # account, Region, name


def find(key: Key) -> Any | None:
    """Moto's own alarm, if there is one."""
    account, region, name = key
    return cloudwatch_backends[account][region].alarms.get(name)


def check(given: Mapping[str, Any]) -> None:
    """Refuse what would be kept and never looked at. Raises AwsError ValidationError."""
    actions = [*given.get("AlarmActions", ()), *given.get("OKActions", ()), *given.get("InsufficientDataActions", ())]
    claims = {
        "one metric and one statistic of it": given.get("MetricName") and given.get("Statistic") in STATISTICS,
        "a fixed threshold": given.get("ComparisonOperator") in COMPARISONS and given.get("Threshold") is not None,
        "a period of whole minutes": int(given.get("Period") or 0) >= MINUTE and int(given["Period"]) % MINUTE == 0,
        "a known TreatMissingData": given.get("TreatMissingData") in MISSING,
        "no more DatapointsToAlarm than EvaluationPeriods": _needed(given) <= int(given["EvaluationPeriods"]),
        "topics as actions": all(arn.split(":")[2] == "sns" for arn in actions),
    }
    for wanted, has in claims.items():
        if not has:
            raise AwsError("ValidationError", f"alarm {given['AlarmName']}: here an alarm has {wanted}")


def series_of(key: Key, alarm: Any) -> Series:
    """What it watches."""
    dimensions = {each.name: each.value for each in alarm.dimensions}
    return Series.of(key[:2], alarm.namespace, alarm.metric_name, dimensions)


def measure_of(alarm: Any) -> AlarmCondition:
    """What decides."""
    periods = int(alarm.evaluation_periods)
    needed = int(alarm.datapoints_to_alarm or periods)
    missing = alarm.treat_missing_data or "missing"
    return AlarmCondition(alarm.comparison_operator, float(alarm.threshold), periods, needed, missing)


def actions_of(alarm: Any) -> list[str]:
    """Where to tell that it is in the state it is in."""
    known = {"ALARM": alarm.alarm_actions, "OK": alarm.ok_actions}
    return list(known.get(alarm.state_value, alarm.insufficient_data_actions)) if alarm.actions_enabled else []


def reason_data(alarm: Any, periods: Sequence[Period], now: datetime) -> str:
    """StateReasonData: the reason for machines."""
    known = [period for period in periods if period.value is not None]
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": _time(now),
            "startDate": _time(periods[-1].start),
            "statistic": alarm.statistic,
            "period": int(alarm.period),
            "recentDatapoints": [period.value for period in reversed(known)],
            "threshold": float(alarm.threshold),
        }
    )


def _needed(given: Mapping[str, Any]) -> int:
    return int(given.get("DatapointsToAlarm") or given["EvaluationPeriods"])


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")

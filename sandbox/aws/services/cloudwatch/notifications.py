"""What CloudWatch publishes to SNS when an alarm changes: subject and message.

Shape as users show it (several published messages agree); not documented as a schema.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_SUBJECT = 100


def subject(state: str, alarm: Any) -> str:
    """Such as: ALARM: "name" in EU (Ireland)."""
    place = _place(alarm.region_name)
    text = f'{state}: "{alarm.name}" in {place}'
    over = len(text) - LONGEST_SUBJECT
    return text if over <= 0 else f'{state}: "{alarm.name[: -over - 3]}..." in {place}'


def message(alarm: Any, account: str, before: str, at: datetime) -> str:
    """The state it is in now, the one before, and what it watches."""
    return json.dumps(
        {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": account,
            "AlarmConfigurationUpdatedTimestamp": _time(alarm.configuration_updated_timestamp),
            "NewStateValue": alarm.state_value,
            "NewStateReason": alarm.state_reason,
            "StateChangeTime": _time(at),
            "Region": _place(alarm.region_name),
            "AlarmArn": alarm.alarm_arn,
            "OldStateValue": before,
            "OKActions": alarm.ok_actions,
            "AlarmActions": alarm.alarm_actions,
            "InsufficientDataActions": alarm.insufficient_data_actions,
            "Trigger": _trigger(alarm),
        }
    )


def _trigger(alarm: Any) -> dict[str, Any]:
    return {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "StatisticType": "Statistic",
        "Statistic": alarm.statistic.upper(),
        "Unit": alarm.unit,
        "Dimensions": [{"value": each.value, "name": each.name} for each in alarm.dimensions],
        "Period": int(alarm.period),
        "EvaluationPeriods": int(alarm.evaluation_periods),
        **({"DatapointsToAlarm": int(alarm.datapoints_to_alarm)} if alarm.datapoints_to_alarm else {}),
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "missing",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }


@cache
def _place(region: str) -> str:
    """A Region's name in words: alarms say EU where botocore says Europe."""
    partitions = Loader().load_data("endpoints")["partitions"]
    described = partitions[0]["regions"][region]["description"]
    return str(described).replace("Europe (", "EU (")


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")

"""What happened to each alarm, as DescribeAlarmHistory reports it.

Source: CloudWatch API reference, AlarmHistoryItem.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.aws.gateway import Call
    from sandbox.aws.services.cloudwatch.definition import Key


class AlarmHistory:
    """Every change and action of every alarm; it outlives the alarm, as on AWS."""

    def __init__(self) -> None:
        self._items: list[tuple[tuple[str, str], dict[str, Any]]] = []

    def add(self, key: Key, at: datetime, kind: str, summary: str, **data: Any) -> None:
        """One item; `kind` is ConfigurationUpdate, StateUpdate or Action."""
        item = {"AlarmName": key[2], "AlarmType": "MetricAlarm", "Timestamp": at, "HistoryItemType": kind}
        self._items.append((key[:2], {**item, "HistorySummary": summary, "HistoryData": json.dumps(data)}))

    def describe(self, call: Call) -> dict[str, Any]:
        """DescribeAlarmHistory; newest first unless asked otherwise."""
        found = [item for place, item in self._items if place == (call.account, call.region) and _matches(call, item)]
        if call.parameters.get("ScanBy") != "TimestampAscending":
            found.reverse()
        return {"AlarmHistoryItems": found[: int(call.parameters.get("MaxRecords") or 100)]}


def _matches(call: Call, item: Mapping[str, Any]) -> bool:
    given = call.parameters
    return (
        given.get("AlarmName") in (None, item["AlarmName"])
        and given.get("HistoryItemType") in (None, item["HistoryItemType"])
        and _instant(given.get("StartDate"), item) <= item["Timestamp"] <= _instant(given.get("EndDate"), item)
    )


def _instant(given: datetime | None, item: Mapping[str, Any]) -> datetime:
    """A bound of the time asked for, by default no bound."""
    at: datetime = item["Timestamp"]
    if given is None:
        return at
    return given if given.tzinfo else given.replace(tzinfo=at.tzinfo)

"""Metrics over the API: put, listed, and asked for by period.

moto keeps values of its own under real time, and looks for those with dimensions in every namespace. Sources:
CloudWatch API reference, PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.cloudwatch import queues
from sandbox.aws.services.cloudwatch.definition import STATISTICS
from sandbox.aws.services.cloudwatch.metrics import Metrics, Series, Statistics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sandbox.aws.cloud import Cloud

MOST_DATAPOINTS = 1_440


class Queries:
    """CloudWatch's metrics as the API shows them."""

    def __init__(self, cloud: Cloud, metrics: Metrics) -> None:
        self._cloud, self._metrics = cloud, metrics
        cloud.gateway.handle(
            "cloudwatch",
            PutMetricData=self._put,
            ListMetrics=self._list,
            GetMetricStatistics=self._statistics,
            GetMetricData=self._data,
        )

    def _put(self, call: Call) -> dict[str, Any]:
        namespace = call.parameters["Namespace"]
        if namespace.startswith("AWS/"):
            raise AwsError("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
        for datum in call.parameters["MetricData"]:
            series = _series(call, namespace, datum["MetricName"], datum.get("Dimensions"))
            for statistics in _given(datum):
                self._metrics.take(series, statistics, _aware(datum.get("Timestamp")))
        return {}

    def _list(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        wanted = [(each["Name"], each.get("Value")) for each in given.get("Dimensions") or ()]
        found = [
            {"Namespace": each.namespace, "MetricName": each.name, "Dimensions": each.listed_dimensions}
            for each in self._metrics.all()
            if (each.account, each.region) == (call.account, call.region)
            and given.get("Namespace") in (None, each.namespace)
            and given.get("MetricName") in (None, each.name)
            and all(_has(each, name, value) for name, value in wanted)
        ]
        return {"Metrics": found}

    def _statistics(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        wanted = given.get("Statistics") or ()
        if not wanted or given.get("ExtendedStatistics"):
            raise AwsError("InvalidParameterCombination", "the sandbox answers Statistics, and no percentiles")
        series = _series(call, given["Namespace"], given["MetricName"], given.get("Dimensions"))
        rows = list(self._rows(series, given, int(given["Period"])))
        if len(rows) > MOST_DATAPOINTS:
            raise AwsError("InvalidParameterCombination", "You have requested more than 1,440 datapoints.")
        datapoints = [
            {"Timestamp": at, "Unit": "None", **{name: found.value(name) for name in wanted}} for at, found in rows
        ]
        return {"Label": given["MetricName"], "Datapoints": datapoints}

    def _data(self, call: Call) -> dict[str, Any]:
        results = [self._answer(call, query) for query in call.parameters["MetricDataQueries"]]
        return {"MetricDataResults": results}

    def _answer(self, call: Call, query: Mapping[str, Any]) -> dict[str, Any]:
        asked = query.get("MetricStat")
        if asked is None or asked["Stat"] not in STATISTICS:
            raise AwsError("ValidationError", f"the sandbox has no metric math and no percentiles: {query['Id']}")
        metric = asked["Metric"]
        series = _series(call, metric["Namespace"], metric["MetricName"], metric.get("Dimensions"))
        rows = list(self._rows(series, call.parameters, int(asked["Period"])))
        if call.parameters.get("ScanBy") != "TimestampAscending":
            rows.reverse()
        return {
            "Id": query["Id"],
            "Label": query.get("Label") or metric["MetricName"],
            "Timestamps": [at for at, _ in rows],
            "Values": [found.value(asked["Stat"]) for _, found in rows],
            "StatusCode": "Complete",
        }

    def _rows(self, series: Series, given: Mapping[str, Any], period: int) -> Iterator[tuple[datetime, Statistics]]:
        now = self._cloud.clock.now()
        value = queues.sample(series, now)
        if value is not None:
            self._metrics.put(series, value)
        start, end = (int(_aware(given[name], now).timestamp()) for name in ("StartTime", "EndTime"))
        for at in range(start - start % period, end, period):
            if found := self._metrics.between(series, at, at + period):
                yield datetime.fromtimestamp(at, UTC), found


def _series(call: Call, namespace: str, name: str, dimensions: Iterable[Mapping[str, str]] | None) -> Series:
    named = {each["Name"]: each["Value"] for each in dimensions or ()}
    return Series.of((call.account, call.region), namespace, name, named)


def _given(datum: Mapping[str, Any]) -> Iterator[Statistics]:
    if given := datum.get("StatisticValues"):
        yield Statistics(*(float(given[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")))
        return
    values = datum.get("Values") or [datum["Value"]]
    for value, times in zip(values, datum.get("Counts") or [1.0] * len(values), strict=True):
        yield Statistics(float(times), float(value) * float(times), float(value), float(value))


def _has(series: Series, name: str, value: str | None) -> bool:
    return any(each == name and value in (None, given) for each, given in series.dimensions)


def _aware(at: datetime | None, otherwise: datetime | None = None) -> Any:
    """A time of the API, in UTC."""
    if at is None:
        return otherwise
    return at if at.tzinfo else at.replace(tzinfo=UTC)

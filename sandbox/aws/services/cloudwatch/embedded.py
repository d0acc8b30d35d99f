"""Metrics in a function's log: the embedded metric format.

Source: CloudWatch User Guide, CloudWatch_Embedded_Metric_Format_Specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.services.cloudwatch.metrics import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def read(place: tuple[str, str], document: Mapping[str, Any]) -> Iterator[tuple[Series, float]]:
    """Each value of a log line in that format, once for each of its sets of dimensions."""
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                series = Series.of(place, directive["Namespace"], metric["Name"], dimensions)
                given = document[metric["Name"]]
                yield from ((series, float(value)) for value in (given if isinstance(given, list) else [given]))

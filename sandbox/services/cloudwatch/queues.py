"""What CloudWatch shows of SQS queues, looked up when something happens to a queue or somebody asks.

Source: SQS Developer Guide, sqs-available-cloudwatch-metrics. Other metrics of SQS have no values here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.sqs.models import sqs_backends

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.services.cloudwatch.metrics import Series

NAMESPACE = "AWS/SQS"
COUNTS = {
    "ApproximateNumberOfMessagesVisible": "approximate_number_of_messages",
    "ApproximateNumberOfMessagesNotVisible": "approximate_number_of_messages_not_visible",
    "ApproximateNumberOfMessagesDelayed": "approximate_number_of_messages_delayed",
}


def has_messages(series: Series) -> bool:
    """Whether it is a queue's, and the queue has messages, visible or not: then it changes by itself."""
    queue = _queue(series)
    return queue is not None and bool(queue._messages)


def sample(series: Series, now: datetime) -> float | None:
    """The value now; None when there is none to report."""
    queue = _queue(series)
    if queue is not None and series.name == "ApproximateAgeOfOldestMessage":
        return max((now.timestamp() - message.sent_timestamp / 1000 for message in queue._messages), default=None)
    if queue is None or series.name not in COUNTS:
        return None
    return float(getattr(queue, COUNTS[series.name]))


def otherwise(series: Series) -> float | None:
    """The value of a time nothing was noted in: nothing happened to the queue, and it was empty."""
    return 0.0 if series.name in COUNTS and _queue(series) is not None else None


def _queue(series: Series) -> Any | None:
    if series.namespace != NAMESPACE:
        return None
    name = dict(series.dimensions).get("QueueName", "")
    return sqs_backends[series.account][series.region].queues.get(name)

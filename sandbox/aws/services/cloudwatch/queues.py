"""What CloudWatch shows of SQS queues, looked up when something happens to a queue or somebody asks.

Source: SQS Developer Guide, sqs-available-cloudwatch-metrics. Other metrics of SQS have no values here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.sqs.models import sqs_backends

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.aws.services.cloudwatch.metrics import Series

NAMESPACE = "AWS/SQS"
COUNTS = {
    "ApproximateNumberOfMessagesVisible": "approximate_number_of_messages",
    "ApproximateNumberOfMessagesNotVisible": "approximate_number_of_messages_not_visible",
    "ApproximateNumberOfMessagesDelayed": "approximate_number_of_messages_delayed",
}


def changes_by_itself(series: Series) -> bool:
    """Whether the value may change though nobody calls: messages grow older, and hidden ones come back."""
    queue = _queue(series)
    if queue is None or series.name not in COUNTS:
        return queue is not None and bool(queue._messages)
    return any(message.delayed or not message.visible for message in queue._messages)


def sample(series: Series, now: datetime) -> float | None:
    """The value now; None when there is none to report."""
    queue = _queue(series)
    if queue is not None and series.name == "ApproximateAgeOfOldestMessage":
        return max((now.timestamp() - message.sent_timestamp / 1000 for message in queue._messages), default=None)
    if queue is None or series.name not in COUNTS:
        return None
    return float(getattr(queue, COUNTS[series.name]))


def is_count(series: Series) -> bool:
    """Whether it is a number of messages: noted at each change, it is the same until the next."""
    return series.name in COUNTS and _queue(series) is not None


def _queue(series: Series) -> Any | None:
    if series.namespace != NAMESPACE:
        return None
    name = dict(series.dimensions).get("QueueName", "")
    return sqs_backends[series.account][series.region].queues.get(name)

"""One event on its way to one target: tried, tried again, and at last put aside.

moto keeps RetryPolicy and DeadLetterConfig without using them, and fails the caller when a target fails.
Sources: EventBridge User Guide, eb-rule-retry-policy and eb-rule-dlq; the wait between tries is not documented
beyond "exponential back off and jitter": here it doubles up to eight minutes, so that 185 tries fill a day,
and has no jitter, so that simulations repeat.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from sandbox.aws.cloud import Cloud
from sandbox.aws.services.events.errors import TargetError, as_target_error
from sandbox.aws.services.events.queues import send_to_queue

LONGEST_WAIT = 480.0
MOST_RETRIES = 185
OLDEST_SECONDS = 86_400
Watcher = Callable[[str, str], None]


@dataclass(frozen=True)
class Delivery:
    """An event, a rule that matches it, one of the rule's targets, and what has been tried."""

    event: Mapping[str, Any]
    rule_arn: str
    target: Mapping[str, Any]
    forwarded: bool  # it came from another bus, and goes to no further one
    began: datetime
    retries: int = 0

    @property
    def target_arn(self) -> str:
        """Where it goes."""
        return str(self.target["Arn"])

    @property
    def service(self) -> str:
        """The service the target belongs to."""
        return self.target_arn.split(":")[2]

    def __str__(self) -> str:
        """For the names of what the clock runs."""
        return f"{self.event.get('detail-type')} to {self.target_arn}"


@dataclass(frozen=True)
class Undelivered:
    """An event no target took, and where it is now; `dead_letter_queue` is None when it is lost."""

    time: datetime
    event: Mapping[str, Any]
    rule_arn: str
    target_arn: str
    code: str
    message: str
    dead_letter_queue: str | None = None


class Deliveries:
    """Makes each delivery. `watchers` are called with what CloudWatch counts: the rule's ARN, the metric."""

    def __init__(self, cloud: Cloud, attempt: Callable[[Delivery], None]) -> None:
        self._cloud = cloud
        self._attempt = attempt
        self.undelivered: list[Undelivered] = []
        self.watchers: list[Watcher] = []

    def begin(self, delivery: Delivery) -> None:
        """Tries as soon as possible, each delivery for itself."""
        self._cloud.clock.submit(lambda: self._try(delivery), f"EventBridge: {delivery}")

    def _try(self, delivery: Delivery) -> None:
        try:
            self._attempt(delivery)
        except (TargetError, ClientError, ServiceException) as error:
            self._failed(delivery, as_target_error(error))
        else:
            self._count(delivery, "Invocations")

    def _count(self, delivery: Delivery, name: str) -> None:
        for watcher in self.watchers:
            watcher(delivery.rule_arn, name)

    def _failed(self, delivery: Delivery, error: TargetError) -> None:
        wait = min(2.0**delivery.retries, LONGEST_WAIT)
        exhausted = self._exhausted(delivery, wait)
        if not error.retried or exhausted:
            self._give_up(delivery, error, exhausted if error.retried else None)
            return
        again = replace(delivery, retries=delivery.retries + 1)
        self._cloud.clock.call_later(wait, lambda: self._try(again), f"EventBridge again: {delivery}")

    def _exhausted(self, delivery: Delivery, wait: float) -> str | None:
        policy = delivery.target.get("RetryPolicy") or {}
        age = (self._cloud.clock.now() - delivery.began).total_seconds()
        if delivery.retries >= policy.get("MaximumRetryAttempts", MOST_RETRIES):
            return "MaximumRetryAttempts"
        if age + wait > policy.get("MaximumEventAgeInSeconds", OLDEST_SECONDS):
            return "MaximumEventAgeInSeconds"
        return None

    def _give_up(self, delivery: Delivery, error: TargetError, exhausted: str | None) -> None:
        record = Undelivered(
            self._cloud.clock.now(),
            delivery.event,
            delivery.rule_arn,
            delivery.target_arn,
            error.code,
            error.message,
        )
        self._count(delivery, "Invocations")
        self._count(delivery, "FailedInvocations")
        queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
        if queue:
            record = self._dead_letter(record, queue, delivery, exhausted)
            self._count(
                delivery, "InvocationsSentToDlq" if record.dead_letter_queue else "InvocationsFailedToBeSentToDlq"
            )
        self.undelivered.append(record)

    def _dead_letter(self, record: Undelivered, queue: str, delivery: Delivery, exhausted: str | None) -> Undelivered:
        attributes = {
            "RULE_ARN": record.rule_arn,
            "TARGET_ARN": record.target_arn,
            "ERROR_CODE": record.code,
            "ERROR_MESSAGE": record.message,
            "RETRY_ATTEMPTS": str(delivery.retries),
        } | ({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {})
        try:
            send_to_queue(self._cloud, queue, json.dumps(delivery.event), delivery.rule_arn, attributes=attributes)
        except (TargetError, ClientError, ServiceException) as error:
            return replace(record, message=f"{record.message}; and the dead-letter queue: {error}")
        return replace(record, dead_letter_queue=queue)

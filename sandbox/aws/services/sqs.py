"""SQS where moto differs: its time is the sandbox's, no caller waits in the gateway, and dead letters are moved back.

moto asks the machine's clock, keeps the one lock while a receiver waits, forgets a queue's policy when another
attribute is set, and has no message move tasks. Sources: SQS API reference, ReceiveMessage, SetQueueAttributes;
botocore model, StartMessageMoveTask ("limited to ... dead-letter queues (DLQs) of other Amazon SQS queues only",
"Only one active message movement task is supported per queue").
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.sqs import models

from sandbox.aws.gateway import AwsError, Call

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.aws.cloud import Cloud

MOVING_SECONDS = 5.0  # not documented


@dataclass
class MoveTask:
    """One redrive of a dead-letter queue, as ListMessageMoveTasks reports it."""

    handle: str
    source: str
    destination: str
    to_move: int
    started: int
    status: str = "RUNNING"
    moved: int = 0

    @property
    def shown(self) -> dict[str, Any]:
        """Only a running task has a handle."""
        handle = {"TaskHandle": self.handle} if self.status == "RUNNING" else {}
        return handle | {
            "Status": self.status,
            "SourceArn": self.source,
            "DestinationArn": self.destination,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started,
        }


class Sqs:
    """SQS of every account. `close` gives moto its own time back."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._tasks: list[MoveTask] = []
        self._own_time = models.unix_time, models.unix_time_millis
        models.unix_time = lambda at=None: _seconds(at or cloud.clock.now())
        models.unix_time_millis = lambda at=None: _seconds(at or cloud.clock.now()) * 1000
        cloud.gateway.before += [_answer_at_once, _keep_policy]
        cloud.gateway.handle(
            "sqs",
            StartMessageMoveTask=self._start,
            ListMessageMoveTasks=self._list,
            CancelMessageMoveTask=self._cancel,
        )

    def close(self) -> None:
        """Queues of a later moto tell real time again."""
        models.unix_time, models.unix_time_millis = self._own_time

    def _start(self, call: Call) -> dict[str, Any]:
        source = existing_queue(call.parameters["SourceArn"])
        origins = models.sqs_backends[source.account_id][source.region].list_dead_letter_source_queues(source.name)
        if not origins:
            raise AwsError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
        if any(task.source == source.queue_arn and task.status == "RUNNING" for task in self._tasks):
            raise AwsError("AWS.SimpleQueueService.UnsupportedOperation", "There is already a task running.")
        destination = call.parameters.get("DestinationArn") or _only(origins).queue_arn
        existing_queue(destination)
        started = int(_seconds(self._cloud.clock.now()) * 1000)
        task = MoveTask(str(uuid.uuid4()), source.queue_arn, destination, len(source.messages), started)
        self._tasks.append(task)
        self._cloud.clock.call_later(MOVING_SECONDS, lambda: self._move(task), f"SQS moves {source.name}'s messages")
        return {"TaskHandle": task.handle}

    def _move(self, task: MoveTask) -> None:
        with self._cloud.gateway.lock:
            if task.status != "RUNNING":
                return
            source, destination = existing_queue(task.source), existing_queue(task.destination)
            moving = list(source.messages)
            source._messages = [message for message in source._messages if message not in moving]
            for message in moving:
                message.approximate_receive_count = 0
                message.mark_sent()
                destination.add_message(message)
            task.status, task.moved = "COMPLETED", len(moving)

    def _list(self, call: Call) -> dict[str, Any]:
        source, most = call.parameters["SourceArn"], int(call.parameters.get("MaxResults") or 1)
        found = [task.shown for task in reversed(self._tasks) if task.source == source]
        return {"Results": found[:most]}

    def _cancel(self, call: Call) -> dict[str, Any]:
        handle = call.parameters["TaskHandle"]
        found = next((task for task in self._tasks if task.handle == handle and task.status == "RUNNING"), None)
        if found is None:
            raise AwsError("ResourceNotFoundException", "Task does not exist.")
        found.status = "CANCELLED"
        return {"ApproximateNumberOfMessagesMoved": 0}


def queue_of(arn: str) -> Any | None:
    """Moto's own queue, if there is one of this ARN."""
    _, _, _, region, account, name = arn.split(":", 5)
    return models.sqs_backends[account][region].queues.get(name)


def existing_queue(arn: str) -> Any:
    """Moto's own queue; raises ResourceNotFoundException."""
    found = queue_of(arn)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"The resource that you specified doesn't exist: {arn}")
    return found


def queue_url(arn: str) -> str:
    """Where clients reach a queue."""
    _, _, _, region, account, name = arn.split(":", 5)
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def _only(origins: list[Any]) -> Any:
    if len(origins) > 1:
        raise AwsError("InvalidParameterValue", "the sandbox cannot tell which queue a message came from: name one")
    return origins[0]


def _answer_at_once(call: Call) -> None:
    """A receiver that waits would block all other callers at the gateway, and on a virtual clock wait for ever."""
    if (call.service, call.operation) == ("sqs", "ReceiveMessage"):
        call.parameters["WaitTimeSeconds"] = 0


def _keep_policy(call: Call) -> None:
    if (call.service, call.operation) != ("sqs", "SetQueueAttributes"):
        return
    name = call.parameters["QueueUrl"].rsplit("/", 1)[-1]
    queue = models.sqs_backends[call.account][call.region].queues.get(name)
    if queue is not None and queue.policy:
        call.parameters["Attributes"].setdefault("Policy", queue.policy)


def _seconds(at: datetime) -> float:
    return at.timestamp()

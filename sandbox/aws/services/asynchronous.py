"""Asynchronous invocation: accepted at once, run on the clock, tried again, and at last put aside.

moto runs it like any other invocation, keeps settings without using them, answers the oldest of them, and forgets a
function's DeadLetterConfig. Source: Lambda Developer Guide, invocation-async-error-handling (two more attempts, after
one minute and two), invocation-async-retain-records (the record of a destination; attributes of a dead letter).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.identity import acting_as
from sandbox.aws.services.functions import FunctionFailed, Functions
from sandbox.aws.services.sqs import queue_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.aws.cloud import Cloud

RETRY_SECONDS = 60  # before the second attempt; twice as long before the third
RETRIES = 2
OLDEST_SECONDS = 21_600


@dataclass(frozen=True)
class Event:
    """One event in a function's own queue."""

    function_arn: str
    payload: Any
    began: datetime
    attempts: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Asynchronous:
    """Events on their way through Lambda's queues; all other invocations go to `functions`."""

    def __init__(self, cloud: Cloud, functions: Functions) -> None:
        self._cloud, self._functions = cloud, functions
        self._dead_letters: dict[str, str] = {}
        cloud.gateway.before.append(_check_destinations)
        cloud.gateway.after.append(self._after)
        cloud.gateway.handle("lambda", Invoke=self._invoke)

    def _invoke(self, call: Call) -> dict[str, Any]:
        if call.parameters.get("InvocationType") != "Event":
            return self._functions.answer(call)
        arn = self._functions.find(self._functions.arn_of(call)).function_arn
        payload = json.loads(call.parameters.get("Payload") or b"{}")
        self._functions.count(arn, "AsyncEventsReceived")
        event = Event(arn, payload, self._cloud.clock.now())
        self._cloud.clock.submit(lambda: self._run(event), f"Lambda: event for {arn}")
        return {"StatusCode": 202, "Payload": b""}

    def _run(self, event: Event) -> None:
        event = replace(event, attempts=event.attempts + 1)
        try:
            self._functions.invoke(event.function_arn, event.payload)
        except FunctionFailed as failed:
            self._failed(event, failed.payload)
        except AwsError as error:  # the function or its role is gone: Lambda, too, can only try again
            self._failed(event, {"errorType": error.code, "errorMessage": error.message})

    def _failed(self, event: Event, answer: Mapping[str, Any]) -> None:
        settings = self._settings(event.function_arn)
        wait = float(RETRY_SECONDS * event.attempts)
        age = (self._cloud.clock.now() - event.began).total_seconds() + wait
        if event.attempts > settings.get("MaximumRetryAttempts", RETRIES):
            self._give_up(event, answer, settings, "RetriesExhausted")
        elif age > settings.get("MaximumEventAgeInSeconds", OLDEST_SECONDS):
            self._give_up(event, answer, settings, "EventAgeExceeded")
        else:
            self._cloud.clock.call_later(
                wait, lambda: self._run(event), f"Lambda again: event for {event.function_arn}"
            )

    def _give_up(self, event: Event, answer: Mapping[str, Any], settings: Mapping[str, Any], condition: str) -> None:
        self._functions.count(event.function_arn, "AsyncEventsDropped")
        destination = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination:
            record = _record(event, answer, condition, self._cloud.clock.now())
            self._send(event, destination, record, {}, "DestinationDeliveryFailures")
        if dead_letters := self._dead_letters.get(event.function_arn):
            attributes = {
                "RequestID": event.id,
                "ErrorCode": "200",
                "ErrorMessage": str(answer.get("errorMessage"))[:1024],
            }
            self._send(event, dead_letters, event.payload, attributes, "DeadLetterErrors")

    def _send(self, event: Event, arn: str, body: Any, attributes: Mapping[str, str], failure: str) -> None:
        """As the function's execution role, which needs the permission. A failure is counted, and that is all."""
        _, _, service, region, _, _ = arn.split(":", 5)
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        try:
            with acting_as(self._functions.session_of(event.function_arn)):
                client = self._cloud.client(service, region)
                if service == "sqs":
                    client.send_message(QueueUrl=queue_url(arn), MessageBody=json.dumps(body), MessageAttributes=typed)
                else:
                    client.publish(TopicArn=arn, Message=json.dumps(body), MessageAttributes=typed)
        except (ClientError, AwsError):
            self._functions.count(event.function_arn, failure)

    def _settings(self, function_arn: str) -> Mapping[str, Any]:
        try:
            kept = self._functions.find(function_arn).event_invoke_config
        except AwsError:  # deleted meanwhile
            return {}
        return kept[-1].config if kept else {}

    def _after(self, call: Call, outcome: str) -> None:
        if call.service != "lambda" or outcome != "OK":
            return
        if call.operation in {"PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig"}:
            kept = self._functions.find(self._functions.arn_of(call)).event_invoke_config
            del kept[:-1]
        elif (
            call.operation in {"CreateFunction", "UpdateFunctionConfiguration"}
            and "DeadLetterConfig" in call.parameters
        ):
            arn = self._functions.arn_of(call)
            self._dead_letters[arn] = call.parameters["DeadLetterConfig"].get("TargetArn", "")


def _check_destinations(call: Call) -> None:
    """What would be kept and not served is refused."""
    if (call.service, call.operation) == ("lambda", "PutFunctionEventInvokeConfig"):
        given = call.parameters.get("DestinationConfig") or {}
        failure = given.get("OnFailure", {}).get("Destination", "arn:aws:sqs:::")
        if given.get("OnSuccess", {}).get("Destination") or failure.split(":")[2] not in {"sqs", "sns"}:
            raise AwsError("InvalidParameterValueException", "the sandbox serves OnFailure to queues and topics only")


def _record(event: Event, answer: Mapping[str, Any], condition: str, now: datetime) -> dict[str, Any]:
    return {
        "version": "1.0",
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "requestContext": {
            "requestId": event.id,
            "functionArn": f"{event.function_arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": event.payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": answer,
    }

"""Service integrations: what a task's Resource calls, how that is spelled, and what the task waits for.

Sources: Step Functions Developer Guide, connect-to-resource (the patterns), supported-services-awssdk (names of
parameters, answers and errors), connect-sqs, connect-sns and connect-stepfunctions (a message or an input that is an
object is sent as its JSON text).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

WAITING = "waitForTaskToken"
SYNC = "sync:2"
MAY_SYNC = ["states", "startExecution"]
# The services whose optimised integrations may wait for a token, of those this sandbox has.
MAY_WAIT = {"lambda", "sns", "sqs", "states", "events", "aws-sdk"}
OPTIMISED = {"dynamodb": "DynamoDB", "states": "StepFunctions", "sqs": "SQS", "sns": "SNS", "events": "Events"}
SDK = {
    "cloudformation": "CloudFormation",
    "quicksight": "QuickSight",
}  # services whose class in AWS's SDK for Java has two capitals
# How an optimised integration names every error that has no shape: by the base class of AWS's first SDK for Java.
# DynamoDB's, SQS's and Lambda's are recorded, the others follow that SDK. An AWS SDK integration names it by the second
# SDK's, which is named after the service.
UNMODELLED = {
    "DynamoDB": "AmazonDynamoDBException",
    "SQS": "AmazonSQSException",
    "SNS": "AmazonSNSException",
    "StepFunctions": "AWSStepFunctionsException",
    "Events": "AmazonEventBridgeException",
    "Lambda": "AWSLambdaException",
}
CLIENTS = {"states": "stepfunctions", "sfn": "stepfunctions"}  # Step Functions' name for itself is not boto3's


@dataclass(frozen=True)
class Integration:
    """A Resource, taken apart; `prefix` is the word before the dot in its error names."""

    service: str
    operation: str
    prefix: str
    optimised: bool

    @property
    def client(self) -> str:
        """The service as boto3 names it."""
        return CLIENTS.get(self.service, self.service)


def waits(resource: str) -> bool:
    """Whether a task of that Resource goes on only when its token comes back."""
    return resource.endswith(f".{WAITING}")


def runs_job(resource: str) -> bool:
    """Whether a task of that Resource goes on only when what it started is over."""
    return resource.endswith(f".{SYNC}")


def fault(resource: str) -> str | None:
    """Why this reader does not run that Resource's pattern, if so."""
    called, dot, pattern = resource.partition(".")
    if not dot or (called.split(":")[5:], pattern) == (MAY_SYNC, SYNC):
        return None
    words = resource.split(":")
    if pattern != WAITING:
        return f"this reader knows no pattern .{pattern}"
    if len(words) < 7 or words[5] not in MAY_WAIT:
        return f"{resource} can't wait for a task token"
    return None


def read(resource: str) -> Integration:
    """The integration a Resource names."""
    words = resource.partition(".")[0].split(":")
    if words[5] == "aws-sdk":
        return Integration(words[6], words[7], SDK.get(words[6], words[6].capitalize()), optimised=False)
    return Integration(words[5], words[6], OPTIMISED[words[5]], optimised=True)


def request(integration: Integration, arguments: Mapping[str, Any], client: Any) -> dict[str, Any]:
    """Arguments as boto3 spells them: Step Functions always writes PascalCase."""
    members = _model(client, integration.operation).input_shape.members
    spelled = {name[0].upper() + name[1:]: name for name in members}
    given = {spelled.get(name, name): value for name, value in arguments.items()}
    if not integration.optimised:
        return given
    return {name: _as_text(value, members.get(name)) for name, value in given.items()}


def method(operation: str) -> str:
    """The operation as boto3's clients name it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


def error_name(integration: Integration, error: ClientError) -> str:
    """AWS's error as Retry and Catch see it: by the name of its shape, or, if the model has none, as just an error."""
    if type(error) is ClientError:
        return unmodelled(integration.prefix, optimised=integration.optimised)
    name = type(error).__name__
    return f"{integration.prefix}.{name if name.endswith('Exception') else f'{name}Exception'}"


def unmodelled(prefix: str, *, optimised: bool) -> str:
    """The one name of all errors without a shape: access denied, some throttles, and whatever is new."""
    return f"{prefix}.{UNMODELLED[prefix] if optimised else f'{prefix}Exception'}"


def answer(integration: Integration, value: Any, client: Any) -> Any:
    """An answer as Step Functions gives it: PascalCase members of structures (not keys of maps), times as text."""
    return _spelled(value, _model(client, integration.operation).output_shape)


def _as_text(value: Any, shape: Any) -> Any:
    """AWS's optimised integrations put the JSON of an object where the service wants text."""
    kind = shape.type_name if shape is not None else ""
    if kind == "string" and isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    if kind == "list" and isinstance(value, list):
        return [_as_text(each, shape.member) for each in value]
    if kind == "structure" and isinstance(value, dict):
        return {name: _as_text(each, shape.members.get(name)) for name, each in value.items()}
    return value


def _model(client: Any, operation: str) -> Any:
    return client.meta.service_model.operation_model(operation[0].upper() + operation[1:])


def _spelled(value: Any, shape: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if shape is None:
        return {}
    if shape.type_name == "list":
        return [_spelled(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _spelled(item, shape.value) for key, item in value.items()}
    if shape.type_name == "structure":
        known = {name: member for name, member in shape.members.items() if name in value}
        return {name[0].upper() + name[1:]: _spelled(value[name], member) for name, member in known.items()}
    return value

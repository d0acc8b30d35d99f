"""Where resources are made: one account and Region, called as CloudFormation calls AWS there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from sandbox.aws.cloud import Cloud
from sandbox.aws.identity import Session, acting_as

GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")  # part of the codes by which services say so
STACK_SETS_ROLE = "stacksets-exec-0123456789abcdef0123456789abcdef"  # its name ends differently in each account
NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


@dataclass(frozen=True)
class Scope:
    """One account and Region, and who asked: with nobody's permissions but theirs CloudFormation works.

    Without `session` an AWS service asked (StackSets, with roles of its own).
    """

    cloud: Cloud
    account: str
    region: str
    session: Session | None = None

    @property
    def role_arn(self) -> str:
        """The role with whose permissions CloudFormation works. That of StackSets is made in each member account."""
        return self.session.principal.arn if self.session else f"arn:aws:iam::{self.account}:role/{STACK_SETS_ROLE}"

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call AWS as whoever asked; None is left out, values are turned into the API's types.

        CloudFormation takes "30" for a number and an object where an API wants JSON text; botocore does not.
        """
        client = self.cloud.client(service, self.region)
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape
        given = {name: value for name, value in parameters.items() if value is not None}
        with acting_as(self.session or self.cloud.identities.administrator(self.account)):
            answer: dict[str, Any] = getattr(client, operation)(**_as(shape, given))
        return answer

    def find(self, service: str, operation: str, **parameters: Any) -> dict[str, Any] | None:
        """What the call answers; None when the service says there is no such thing."""
        try:
            return self.call(service, operation, **parameters)
        except ClientError as error:
            if is_gone(error.response["Error"]["Code"]):
                return None
            raise


def is_gone(code: str) -> bool:
    """Whether an error code, or a text with one in it, says that something is not there."""
    return any(sign in code for sign in GONE)


def _as(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = shape.members
        return {key: _as(members[key], item) if key in members else item for key, item in value.items()}
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {str(key): _as(shape.value, item) for key, item in value.items()}
    if isinstance(shape, ListShape):
        return [_as(shape.member, item) for item in (value if isinstance(value, list) else [value])]
    return _scalar(shape.type_name, value)


def _scalar(kind: str, value: Any) -> Any:
    if kind in NUMBERS and isinstance(value, str):
        return NUMBERS[kind](value)
    if kind == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if kind != "string" or isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else json.dumps(value)

"""What the service refuses before anything starts: templates, parameters, ids, callers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudformation.template import (
    check_capabilities,
    check_parameters,
    check_types,
    read,
    transforms,
)
from sandbox.aws.services.cloudformation.types import TYPES

TEMPLATE_BYTES = 51_200
PARAMETER_BYTES = 4_096
NAME = r"[a-zA-Z][-a-zA-Z0-9]{0,127}"
OPERATION_ID = r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}"


def check_pattern(value: str, pattern: str, member: str) -> None:
    """AWS's answer to an id or name of the wrong shape."""
    if not re.fullmatch(pattern, value):
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {pattern}",
        )


def check_definition(body: str, parameters: Mapping[str, str], capabilities: Iterable[str]) -> None:
    """Template and parameters of a service-managed stack set (User Guide, service-managed permissions; quotas)."""
    if len(body.encode()) > TEMPLATE_BYTES:
        raise AwsError(
            "ValidationError",
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {TEMPLATE_BYTES}",
        )
    template = read(body)
    if transforms(template):
        raise AwsError("ValidationError", "StackSets with SERVICE_MANAGED permission model do not support macros")
    if "AWS::CloudFormation::Stack" in types_in(body):
        raise AwsError(
            "ValidationError", "StackSets with SERVICE_MANAGED permission model do not support nested stacks"
        )
    check_types(template, TYPES)
    check_values(parameters)
    check_parameters(template, parameters)
    check_capabilities(template, capabilities)


def types_in(body: str) -> list[str]:
    """The resource types of a template."""
    return sorted({str(resource["Type"]) for resource in read(body)["Resources"].values()})


def check_values(parameters: Mapping[str, str]) -> None:
    """No parameter value may be longer than 4,096 bytes."""
    for name, value in parameters.items():
        if len(value.encode()) > PARAMETER_BYTES:
            raise AwsError(
                "ValidationError", f"Parameter {name} has a value longer than the limit of {PARAMETER_BYTES} bytes"
            )


def check_given(parameters: Iterable[Mapping[str, Any]]) -> None:
    """No value may be empty (botocore issue 1597; in doubt, see readings.py)."""
    empty = [
        each["ParameterKey"] for each in parameters if not (each.get("UsePreviousValue") or each.get("ParameterValue"))
    ]
    if empty:
        raise AwsError("ValidationError", f"Parameters: [{', '.join(sorted(empty))}] must have values")


def check_known(body: str, overrides: Iterable[Mapping[str, Any]]) -> None:
    """A parameter can be overridden once the instance was updated with it (UpdateStackInstances; words of ours)."""
    unknown = sorted({each["ParameterKey"] for each in overrides} - set(read(body).get("Parameters", {})))
    if unknown:
        listed = ", ".join(unknown)
        raise AwsError(
            "ValidationError", f"Parameters: [{listed}] can't be overridden before UpdateStackSet brought them"
        )


def check_claimed(given: Mapping[str, Any]) -> None:
    """What the sandbox does not claim to do is refused, not half done."""
    if given.get("PermissionModel", "SELF_MANAGED") != "SERVICE_MANAGED":
        raise AwsError("ValidationError", "The sandbox does not claim to do SELF_MANAGED stack sets")
    if (given.get("AutoDeployment") or {}).get("Enabled"):
        raise AwsError("ValidationError", "The sandbox does not claim to do automatic deployments")

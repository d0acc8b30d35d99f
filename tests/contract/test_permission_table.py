"""The sandbox asks for what AWS asks for: its table of permissions, call by call, against AWS's reference."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest

from sandbox.aws.gateway import Call
from sandbox.aws.identity import Identities
from sandbox.aws.permissions.need import Need
from sandbox.aws.permissions.table import NEEDS
from tests.contract.filled import HUB_ACCOUNT, MEMBER, REGION
from tests.contract.service_reference import find

OWN = f"{REGION}:{HUB_ACCOUNT}"
# Values of members whose name says what they must be; every other text is "some".
SAMPLES = {
    "AccountId": MEMBER,
    "AwsAccountId": HUB_ACCOUNT,
    "CallAs": "DELEGATED_ADMIN",
    "ChildId": MEMBER,
    "DataSetArn": f"arn:aws:quicksight:{OWN}:dataset/some",
    "DataSourceArn": f"arn:aws:quicksight:{OWN}:datasource/some",
    "DestinationArn": f"arn:aws:sqs:{OWN}:other",
    "MemberType": "DATASET",
    "OrganizationalUnitId": "ou-ab12-some",
    "Path": "/some/",
    "ParentId": "ou-ab12-some",
    "PolicyId": "p-examplepolicyid",
    "PolicyArn": f"arn:aws:iam::{HUB_ACCOUNT}:policy/some",
    "EventPattern": '{"source": ["some"]}',
    "Layers": f"arn:aws:lambda:{OWN}:layer:some:1",
    "QueueUrl": f"https://sqs/{HUB_ACCOUNT}/some",
    "ResourceArn": f"arn:aws:quicksight:{OWN}:datasource/some",
    "ResourceId": MEMBER,
    "Role": f"arn:aws:iam::{HUB_ACCOUNT}:role/some",
    "RoleARN": f"arn:aws:iam::{HUB_ACCOUNT}:role/some",
    "RoleArn": f"arn:aws:iam::{HUB_ACCOUNT}:role/some",
    "SourceArn": f"arn:aws:sqs:{OWN}:some",
    "TemplateURL": "https://s3/some/template",
    "TopicArn": f"arn:aws:sns:{OWN}:some",
    "roleArn": f"arn:aws:iam::{HUB_ACCOUNT}:role/some",
    "executionArn": f"arn:aws:states:{OWN}:execution:some:run",
    "stateMachineArn": f"arn:aws:states:{OWN}:stateMachine:some",
}
LEFT_OUT = {"IndexName", "TargetArn", "KeyConditionExpression"}  # the other ways to say the same
# What the reference says and nobody means: it marks kinds as required of which a request names one.
NOT_MEANT = {
    f"cloudformation:CreateChangeSet is asked on arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31, "
    "AWS takes stack": "a transform is a resource too (CloudFormation User Guide, using-iam-template)",
    "states:DescribeExecution needs express as well": "an execution is of a Standard or of an Express machine",
    "states:ListExecutions needs maprun as well": "of a state machine or of a map run",
}


def _sample(shape: Any, name: str = "", depth: int = 0) -> Any:
    """Some request of botocore's shape, with every member down to a depth."""
    if shape.type_name == "structure":
        members = shape.members.items() if depth < 5 else ()
        return {key: _sample(each, key, depth + 1) for key, each in members if key not in LEFT_OUT}
    if shape.type_name == "list":
        return [_sample(shape.member, name, depth + 1)]
    if shape.type_name == "map":
        return {"some": _sample(shape.value, name, depth + 1)}
    if shape.type_name in ("string", "blob"):
        return SAMPLES.get(name) or next(iter(getattr(shape, "enum", ())), "some")
    return {"boolean": True, "timestamp": "2026-11-28T00:00:00Z"}.get(shape.type_name, 1)


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _needs(service: str, operation: str) -> tuple[Need, ...]:
    model = _model(service).operation_model(operation)
    parameters = _sample(model.input_shape) if model.input_shape else {}
    call = Call(service, operation, REGION, Identities().administrator(HUB_ACCOUNT), parameters)
    return tuple(NEEDS[service, operation](call))


def _faults(needs: tuple[Need, ...]) -> Iterator[str]:
    requested: dict[str, set[str]] = {}
    for need in needs:
        action = find(need.action)
        if action is None:
            yield f"{need.action} is no action"
            continue
        types = action.types_of(need.resource) if need.resource != "*" else set()
        requested.setdefault(need.action, set()).update(types)
        if not types if action.types else need.resource != "*":
            yield f"{need.action} is asked on {need.resource}, AWS takes {', '.join(sorted(action.types)) or '*'}"
        yield from (f"{need.action} does not know {key}" for key in need.context if not action.knows(key))
    for name, types in requested.items():
        action = find(name)
        if action and (lacking := action.required - types) and types:
            yield f"{name} needs {', '.join(sorted(lacking))} as well"


CALLS = sorted(NEEDS)


@pytest.mark.parametrize(("service", "operation"), CALLS, ids=[":".join(call) for call in CALLS])
def test_the_sandbox_asks_for_what_the_reference_says(
    service: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.aws.permissions.organizations.organization_of", lambda _account: "o-exampleorgid")
    found = sorted(set(_faults(_needs(service, operation))) - set(NOT_MEANT))
    assert not found, "\n".join(found)

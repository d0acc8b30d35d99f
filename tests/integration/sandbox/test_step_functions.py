"""Step Functions: deployed machines run by our reader, every task as the machine's role."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.permissions import Permissions
from sandbox.services.functions import Functions
from sandbox.services.iam import Iam
from sandbox.services.step_functions import StepFunctions
from sandbox.services.sts import Sts
from tests.integration.sandbox.deployed import REGION, create_function, create_machine
from tests.integration.sandbox.world_of_roles import HUB, allow, code, role_arn, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.asl.execution import Execution
    from sandbox.cloud import Cloud

ARN = f"arn:aws:states:{REGION}:{HUB}"
TABLE = f"arn:aws:dynamodb:{REGION}:{HUB}:table/registry"
PAUSE: dict[str, Any] = {"Pause": {"Type": "Wait", "Seconds": 60, "End": True}}
CLAIM: dict[str, Any] = {
    "TableName": "registry",
    "Key": {"pk": {"S": "account#1"}},
    "UpdateExpression": "SET holder = :me",
    "ConditionExpression": "attribute_not_exists(holder)",
    "ExpressionAttributeValues": {":me": {"S": "me"}},
    "ReturnValues": "ALL_NEW",
}


@pytest.fixture
def machines(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StepFunctions]:
    iam = Iam(cloud, propagation_seconds=0.0)
    Sts(cloud, iam)
    Permissions(cloud, iam)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with mock.patch.dict(os.environ):
        yield StepFunctions(cloud, Functions(cloud, tmp_path, {}))


@pytest.fixture
def table(cloud: Cloud) -> None:
    with cloud.administering(HUB):
        cloud.client("dynamodb").create_table(
            TableName="registry",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


def task(resource: str, arguments: Any) -> dict[str, Any]:
    """A machine of one task."""
    return {"Do": {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True}}


def invoking(function_arn: str) -> dict[str, Any]:
    return task("lambda:invoke", {"FunctionName": function_arn, "Payload": "{% $states.input %}"})


def run(cloud: Cloud, machines: StepFunctions, machine_arn: str, payload: Any = None) -> Execution:
    """Start it, and let it end."""
    execution = machines.start(machine_arn, payload or {})
    wait(cloud, 120)
    return execution


def api(cloud: Cloud, operation: str, **parameters: Any) -> Any:
    with cloud.administering(HUB):
        return getattr(cloud.client("stepfunctions"), operation)(**parameters)


def test_a_function_is_invoked_as_the_machines_role(cloud: Cloud, machines: StepFunctions, tmp_path: Path) -> None:
    function = create_function(cloud, tmp_path, "double", "return event['n'] * 2")
    machine = create_machine(cloud, invoking(function), allow("lambda:InvokeFunction", function))
    execution = run(cloud, machines, machine, {"n": 21})
    (entry,) = cloud.gateway.log.of("Invoke")
    assert (execution.status, execution.output["Payload"]) == ("SUCCEEDED", 42)
    assert (entry.role, entry.resource) == (role_arn("machine-role"), function)


def test_without_the_permission_nothing_is_invoked(cloud: Cloud, machines: StepFunctions, tmp_path: Path) -> None:
    function = create_function(cloud, tmp_path, "double", "raise AssertionError('invoked')")
    machine = create_machine(cloud, invoking(function), allow("lambda:InvokeFunction", function + "x"))
    execution = run(cloud, machines, machine)
    assert execution.status == "FAILED"
    assert f"is not authorized to perform: lambda:InvokeFunction on resource: {function}" in (execution.cause or "")


def test_a_functions_error_has_the_name_of_its_exception(cloud: Cloud, machines: StepFunctions, tmp_path: Path) -> None:
    function = create_function(cloud, tmp_path, "bad", "class NotOurs(Exception): pass\nraise NotOurs('them')")
    machine = create_machine(cloud, invoking(function), allow("lambda:InvokeFunction", function))
    execution = run(cloud, machines, machine)
    assert (execution.status, execution.error) == ("FAILED", "NotOurs")
    assert '"errorMessage": "them"' in (execution.cause or "")


def test_a_record_is_updated_and_its_attributes_come_back(cloud: Cloud, machines: StepFunctions, table: None) -> None:
    machine = create_machine(cloud, task("dynamodb:updateItem", CLAIM), allow("dynamodb:UpdateItem", TABLE))
    execution = run(cloud, machines, machine)
    assert execution.output["Attributes"] == {"pk": {"S": "account#1"}, "holder": {"S": "me"}}


def test_a_condition_that_fails_is_named_as_aws_names_it(cloud: Cloud, machines: StepFunctions, table: None) -> None:
    machine = create_machine(cloud, task("dynamodb:updateItem", CLAIM), allow("dynamodb:UpdateItem", TABLE))
    run(cloud, machines, machine)
    again = run(cloud, machines, machine)
    assert (again.status, again.error) == ("FAILED", "DynamoDB.ConditionalCheckFailedException")


def test_a_call_the_machines_role_may_not_make_fails(cloud: Cloud, machines: StepFunctions, table: None) -> None:
    machine = create_machine(cloud, task("dynamodb:updateItem", CLAIM), allow("dynamodb:GetItem", TABLE))
    execution = run(cloud, machines, machine)
    assert execution.error == "DynamoDB.AmazonDynamoDBException"
    assert f"{HUB}:assumed-role/machine-role/" in (execution.cause or "")


@pytest.mark.parametrize(
    ("asking", "error"),
    [
        (task("aws-sdk:sfn:startExecution", {"StateMachineArn": f"{ARN}:stateMachine:x"}), "Sfn.SfnException"),
        (task("aws-sdk:cloudformation:listStackSets", {}), "CloudFormation.CloudFormationException"),
        (task("dynamodb:getItem", {"TableName": "registry", "Key": {}}), "DynamoDB.AmazonDynamoDBException"),
        (invoking(f"arn:aws:lambda:{REGION}:{HUB}:function:x"), "Lambda.AWSLambdaException"),
    ],
)
def test_an_error_without_a_shape_is_told_as_aws_tells_it(
    cloud: Cloud, machines: StepFunctions, asking: dict[str, Any], error: str
) -> None:
    execution = run(cloud, machines, create_machine(cloud, asking, allow("s3:ListBucket", "*")))
    assert execution.error == error
    assert "is not authorized to perform" in (execution.cause or "")


def test_any_api_answers_in_pascal_case_with_times_as_text(cloud: Cloud, machines: StepFunctions) -> None:
    first = create_machine(cloud, PAUSE, name="first")
    other = machines.start(first, {})
    asking = task("aws-sdk:sfn:describeExecution", {"ExecutionArn": other.arn})
    machine = create_machine(cloud, asking, allow("states:DescribeExecution", f"{ARN}:execution:first:*"))
    execution = machines.start(machine, {})
    wait(cloud, 1)
    assert (execution.output["Status"], execution.output["ExecutionArn"]) == ("RUNNING", other.arn)
    assert execution.output["StartDate"].startswith("2026-11-24T08:00:00")


def test_an_api_error_carries_the_services_name_and_the_word_exception(cloud: Cloud, machines: StepFunctions) -> None:
    asking = task("aws-sdk:sfn:describeExecution", {"ExecutionArn": f"{ARN}:execution:machine:nobody"})
    machine = create_machine(cloud, asking, allow("states:DescribeExecution"))
    assert run(cloud, machines, machine).error == "Sfn.ExecutionDoesNotExistException"


def test_a_name_is_one_execution_while_it_runs_with_that_input(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, PAUSE)
    request = {"stateMachineArn": machine, "name": "once"}
    first = api(cloud, "start_execution", **request, input='{"a":1}')["executionArn"]
    again = api(cloud, "start_execution", **request, input='{"a": 1}')["executionArn"]
    with pytest.raises(ClientError) as other_input:
        api(cloud, "start_execution", **request, input='{"a":2}')
    wait(cloud, 60)
    with pytest.raises(ClientError) as closed:
        api(cloud, "start_execution", **request, input='{"a":1}')
    assert (first, len(machines.executions)) == (again, 1)
    assert [code(other_input), code(closed)] == ["ExecutionAlreadyExists", "ExecutionAlreadyExists"]


def test_executions_without_a_name_are_different_ones(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, PAUSE)
    for _ in range(2):
        api(cloud, "start_execution", stateMachineArn=machine)
    assert len(machines.executions) == 2


def test_an_event_delivered_twice_starts_one_execution(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, PAUSE)
    for _ in range(2):
        machines.start_from_event(machine, None, {"id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail": {}})
    assert len(machines.executions) == 1


def test_executions_are_described_listed_and_stopped(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, PAUSE)
    stopped, ended = machines.start(machine, {"n": 1}), machines.start(machine, {"n": 2})
    api(cloud, "stop_execution", executionArn=stopped.arn, error="Enough", cause="of it")
    wait(cloud, 60)
    told = api(cloud, "describe_execution", executionArn=stopped.arn)
    listed = api(cloud, "list_executions", stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
    assert (told["status"], told["error"], told["cause"], told["input"]) == ("ABORTED", "Enough", "of it", '{"n": 1}')
    assert [each["executionArn"] for each in listed] == [ended.arn]


@pytest.mark.usefixtures("machines")
def test_what_is_no_executions_arn_is_refused(cloud: Cloud) -> None:
    for arn, refusal in [("nobody", "InvalidArn"), (f"{ARN}:execution:m:a b", "InvalidArn"), ("x" * 257, "Validation")]:
        with pytest.raises(Exception, match=refusal):
            api(cloud, "describe_execution", executionArn=arn)


def test_a_machine_that_does_not_exist_cannot_start(machines: StepFunctions) -> None:
    assert machines.executions == []
    with pytest.raises(Exception, match="State Machine Does Not Exist"):
        machines.start(f"{ARN}:stateMachine:nobody", {})

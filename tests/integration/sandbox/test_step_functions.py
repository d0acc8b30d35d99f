"""Step Functions: deployed machines run by our reader, every task as the machine's role."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.asl.effects import Wait
from sandbox.aws.asl.execution import Killed
from sandbox.aws.permissions import Permissions
from sandbox.aws.services.functions import Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.step_functions import StepFunctions
from sandbox.aws.services.sts import Sts
from sandbox.handlers import FolderHandlers
from tests.integration.sandbox.deployed import REGION, create_function, create_machine
from tests.integration.sandbox.roles import HUB, allow, code, role_arn, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.aws.asl.execution import Execution
    from sandbox.aws.cloud import Cloud
    from tests.integration.sandbox.roles import Statement

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
        yield StepFunctions(cloud, Functions(cloud, FolderHandlers(tmp_path), {}))


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
    ("calling", "error"),
    [
        (task("aws-sdk:sfn:startExecution", {"StateMachineArn": f"{ARN}:stateMachine:x"}), "Sfn.SfnException"),
        (task("aws-sdk:cloudformation:listStackSets", {}), "CloudFormation.CloudFormationException"),
        (task("dynamodb:getItem", {"TableName": "registry", "Key": {}}), "DynamoDB.AmazonDynamoDBException"),
        (invoking(f"arn:aws:lambda:{REGION}:{HUB}:function:x"), "Lambda.AWSLambdaException"),
    ],
)
def test_an_error_without_a_shape_is_reported_as_aws_names_it(
    cloud: Cloud, machines: StepFunctions, calling: dict[str, Any], error: str
) -> None:
    execution = run(cloud, machines, create_machine(cloud, calling, allow("s3:ListBucket", "*")))
    assert execution.error == error
    assert "is not authorized to perform" in (execution.cause or "")


def test_any_api_answers_in_pascal_case_with_times_as_text(cloud: Cloud, machines: StepFunctions) -> None:
    first = create_machine(cloud, PAUSE, name="first")
    other = machines.start(first, {})
    calling = task("aws-sdk:sfn:describeExecution", {"ExecutionArn": other.arn})
    machine = create_machine(cloud, calling, allow("states:DescribeExecution", f"{ARN}:execution:first:*"))
    execution = machines.start(machine, {})
    wait(cloud, 1)
    assert (execution.output["Status"], execution.output["ExecutionArn"]) == ("RUNNING", other.arn)
    assert execution.output["StartDate"].startswith("2026-11-24T08:00:00")


def test_an_api_error_carries_the_services_name_and_the_word_exception(cloud: Cloud, machines: StepFunctions) -> None:
    calling = task("aws-sdk:sfn:describeExecution", {"ExecutionArn": f"{ARN}:execution:machine:nobody"})
    machine = create_machine(cloud, calling, allow("states:DescribeExecution"))
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


def test_executions_are_listed_in_pages_the_newest_first(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, PAUSE)
    started = [machines.start(machine, {"n": number}).arn for number in range(3)]
    first = api(cloud, "list_executions", stateMachineArn=machine, maxResults=2)
    rest = api(cloud, "list_executions", stateMachineArn=machine, maxResults=2, nextToken=first["nextToken"])
    listed = [each["executionArn"] for page in (first, rest) for each in page["executions"]]
    assert listed == started[::-1]
    assert "nextToken" not in rest
    machines.largest_page = 1
    assert len(api(cloud, "list_executions", stateMachineArn=machine, maxResults=2)["executions"]) == 1


@pytest.mark.usefixtures("machines")
def test_what_is_no_executions_arn_is_refused(cloud: Cloud) -> None:
    for arn, refusal in [("nobody", "InvalidArn"), (f"{ARN}:execution:m:a b", "InvalidArn"), ("x" * 257, "Validation")]:
        with pytest.raises(Exception, match=refusal):
            api(cloud, "describe_execution", executionArn=arn)


def test_a_machine_that_does_not_exist_cannot_start(machines: StepFunctions) -> None:
    assert machines.executions == []
    with pytest.raises(Exception, match="State Machine Does Not Exist"):
        machines.start(f"{ARN}:stateMachine:nobody", {})


CHILD, CHILD_RUNS = f"{ARN}:stateMachine:child", f"{ARN}:execution:child:*"
RULE = f"arn:aws:events:{REGION}:{HUB}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
ANSWER: dict[str, Any] = {"Answer": {"Type": "Pass", "Output": {"n": "{% $states.input.n * 2 %}"}, "End": True}}
PAUSE_AND_ANSWER: dict[str, Any] = {"Pause": {"Type": "Wait", "Seconds": 60, "Next": "Answer"}, **ANSWER}
WAITING_PERMISSIONS = {
    "states:StartExecution": CHILD,
    "states:DescribeExecution": CHILD_RUNS,
    "states:StopExecution": CHILD_RUNS,
    "events:PutTargets": RULE,
    "events:PutRule": RULE,
    "events:DescribeRule": RULE,
}


def waiting_for_child(**more: Any) -> dict[str, Any]:
    """A machine of one task, which starts a child and waits for it."""
    arguments = {"StateMachineArn": CHILD, "Input": "{% $states.input %}", "Name": "run"}
    return {"Do": {**task("states:startExecution.sync:2", arguments)["Do"], **more}}


def may_wait(*without: str) -> list[Statement]:
    """What the role of such a machine needs, but for some actions."""
    return [allow(action, resource) for action, resource in WAITING_PERMISSIONS.items() if action not in without]


def start_parent(cloud: Cloud, machines: StepFunctions, child: dict[str, Any], **more: Any) -> tuple[Execution, str]:
    """A parent that waits for its child since a second, and the child's ARN."""
    create_machine(cloud, child, name="child")
    parent = machines.start(create_machine(cloud, waiting_for_child(**more), *may_wait()), {"n": 4})
    wait(cloud, 1)
    return parent, CHILD_RUNS.replace("*", "run")


def status_of(cloud: Cloud, arn: str) -> str:
    return str(api(cloud, "describe_execution", executionArn=arn)["status"])


def test_a_task_waits_for_its_child_and_gets_its_output_as_a_value(cloud: Cloud, machines: StepFunctions) -> None:
    parent, child = start_parent(cloud, machines, PAUSE_AND_ANSWER)
    assert (parent.status, status_of(cloud, child)) == ("RUNNING", "RUNNING")
    wait(cloud, 60)
    assert (parent.status, parent.output["Status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert (parent.output["Input"], parent.output["Output"]) == ({"n": 4}, {"n": 8})
    assert (parent.output["ExecutionArn"], parent.output["Name"]) == (child, "run")
    assert parent.output["StopDate"].startswith("2026-11-24T08:01:00")


def test_the_machines_role_starts_the_child(cloud: Cloud, machines: StepFunctions) -> None:
    start_parent(cloud, machines, ANSWER)
    (entry,) = cloud.gateway.log.of("StartExecution")
    assert (entry.role, entry.resource) == (role_arn("machine-role"), CHILD)


def test_a_child_without_a_name_gets_one(cloud: Cloud, machines: StepFunctions) -> None:
    create_machine(cloud, ANSWER, name="child")
    unnamed = task("states:startExecution.sync:2", {"StateMachineArn": CHILD, "Input": {"n": 1}})
    parent = run(cloud, machines, create_machine(cloud, unnamed, *may_wait()))
    assert len(parent.output["Name"]) == 36


@pytest.mark.parametrize("missing", WAITING_PERMISSIONS)
def test_waiting_for_a_child_needs_every_permission(cloud: Cloud, machines: StepFunctions, missing: str) -> None:
    create_machine(cloud, ANSWER, name="child")
    parent = run(cloud, machines, create_machine(cloud, waiting_for_child(), *may_wait(missing)), {"n": 1})
    assert (parent.status, parent.error) == ("FAILED", "StepFunctions.AWSStepFunctionsException")
    assert f"is not authorized to perform: {missing} on resource" in (parent.cause or "")
    assert machines.executions == [parent]


@pytest.mark.parametrize(
    ("child", "status", "error"),
    [
        ({"Fail": {"Type": "Fail", "Error": "Refused", "Cause": "not today"}}, "FAILED", "Refused"),
        (PAUSE, "ABORTED", None),
    ],
)
def test_a_child_that_does_not_succeed_fails_the_task(
    cloud: Cloud, machines: StepFunctions, child: dict[str, Any], status: str, error: str | None
) -> None:
    parent, arn = start_parent(cloud, machines, child)
    if status == "ABORTED":
        api(cloud, "stop_execution", executionArn=arn)
        wait(cloud, 0)
    told = json.loads(parent.cause or "")
    assert (parent.status, parent.error) == ("FAILED", "States.TaskFailed")
    assert (told["Status"], told.get("Error"), told["Input"]) == (status, error, '{"n": 4}')
    assert (told["ExecutionArn"], "Output" in told) == (arn, False)


def test_a_child_that_times_out_fails_the_task(cloud: Cloud, machines: StepFunctions) -> None:
    parent, _ = start_parent(cloud, machines, PAUSE)
    machines.executions[-1].run.end("TIMED_OUT")  # type: ignore[union-attr]  # it runs
    wait(cloud, 0)
    assert (parent.error, json.loads(parent.cause or "")["Status"]) == ("States.TaskFailed", "TIMED_OUT")


def test_a_repeated_start_joins_the_child_that_runs_with_that_input(cloud: Cloud, machines: StepFunctions) -> None:
    first, _ = start_parent(cloud, machines, PAUSE_AND_ANSWER)
    again = machines.start(first.machine_arn, {"n": 4})
    wait(cloud, 60)
    assert (len(machines.executions), first.output, again.status) == (3, again.output, "SUCCEEDED")


def test_a_start_that_is_refused_has_the_name_of_its_shape(cloud: Cloud, machines: StepFunctions) -> None:
    first, _ = start_parent(cloud, machines, PAUSE_AND_ANSWER)
    other_input = machines.start(first.machine_arn, {"n": 5})
    wait(cloud, 60)
    over = machines.start(first.machine_arn, {"n": 4})
    wait(cloud, 0)
    expected = "StepFunctions.ExecutionAlreadyExistsException"
    assert [other_input.error, over.error] == [expected, expected]


def test_a_task_whose_time_is_up_tries_to_stop_its_child(cloud: Cloud, machines: StepFunctions) -> None:
    parent, child = start_parent(cloud, machines, PAUSE, TimeoutSeconds=30)
    wait(cloud, 30)
    assert (parent.error, status_of(cloud, child)) == ("States.Timeout", "ABORTED")
    (entry,) = cloud.gateway.log.of("StopExecution")
    assert entry.role == role_arn("machine-role")


@pytest.mark.parametrize(("stops", "status"), [(False, "RUNNING"), (True, "ABORTED")])
def test_the_child_of_a_stopped_execution_is_stopped_at_best(
    cloud: Cloud, machines: StepFunctions, *, stops: bool, status: str
) -> None:
    machines.stops_children = stops
    parent, child = start_parent(cloud, machines, PAUSE)
    api(cloud, "stop_execution", executionArn=parent.arn)
    wait(cloud, 1)
    assert (parent.status, status_of(cloud, child)) == ("ABORTED", status)


def test_the_hook_sees_the_effects_of_children(cloud: Cloud, machines: StepFunctions) -> None:
    def kill_child(execution: Execution, effect: object) -> None:
        if execution.machine_name == "child" and isinstance(effect, Wait):
            raise Killed

    machines.hook = kill_child
    parent, child = start_parent(cloud, machines, PAUSE)
    assert (status_of(cloud, child), parent.error) == ("ABORTED", "States.TaskFailed")

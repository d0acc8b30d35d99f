"""Task tokens over the API, and the integrations that send messages and start and stop executions."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.aws.permissions import Permissions
from sandbox.aws.services.functions import Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.step_functions import StepFunctions
from sandbox.aws.services.sts import Sts
from sandbox.handlers import FolderHandlers
from tests.integration.sandbox.deployed import REGION, create_function, create_machine
from tests.integration.sandbox.roles import HUB, MEMBER, acting, allow, code, message, role_arn, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.aws.asl.execution import Execution
    from sandbox.aws.cloud import Cloud

TOKEN = "{% $states.context.Task.Token %}"
ARN = f"arn:aws:states:{REGION}:{HUB}"
PAUSE: dict[str, Any] = {"Pause": {"Type": "Wait", "Seconds": 60, "End": True}}
ANSWERS = ["send_task_success", "send_task_failure", "send_task_heartbeat"]


@pytest.fixture
def iam(cloud: Cloud) -> Iam:
    return Iam(cloud, propagation_seconds=0.0)


@pytest.fixture
def machines(cloud: Cloud, iam: Iam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StepFunctions]:
    Sts(cloud, iam)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with mock.patch.dict(os.environ):
        yield StepFunctions(cloud, Functions(cloud, FolderHandlers(tmp_path), {}))


@pytest.fixture
def queue(cloud: Cloud) -> str:
    with cloud.administering(HUB):
        return str(cloud.client("sqs").create_queue(QueueName="tokens")["QueueUrl"])


def task(resource: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A machine of one task."""
    doing = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True}
    return {"Do": {**doing, **more}}


def waiting(cloud: Cloud, machines: StepFunctions, queue: str, **more: Any) -> Execution:
    """An execution whose token lies in the queue."""
    body = {"token": TOKEN}
    machine = create_machine(
        cloud, task("sqs:sendMessage.waitForTaskToken", {"QueueUrl": queue, "MessageBody": body}, **more)
    )
    execution = machines.start(machine, {})
    wait(cloud, 1)
    return execution


def received(cloud: Cloud, queue: str) -> Any:
    """The message in the queue, as whoever polls it would read it."""
    with cloud.administering(HUB):
        (found,) = cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        cloud.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
    return json.loads(found["Body"])


def send(cloud: Cloud, operation: str, token: str, account: str = HUB, region: str = REGION, **more: Any) -> None:
    """Answer for a task, as an administrator of that account."""
    if operation == "send_task_success":
        more = {"output": "{}", **more}
    with cloud.administering(account):
        getattr(cloud.client("stepfunctions", region), operation)(taskToken=token, **more)
    wait(cloud, 0)


def refusal(cloud: Cloud, operation: str, token: str, **more: Any) -> str:
    """AWS's error code for such an answer."""
    with pytest.raises(ClientError) as caught:
        send(cloud, operation, token, **more)
    return code(caught)


def test_success_goes_on_with_the_output(cloud: Cloud, machines: StepFunctions, queue: str) -> None:
    execution = waiting(cloud, machines, queue)
    token = received(cloud, queue)["token"]
    wait(cloud, 3600)
    send(cloud, "send_task_success", token, output='{"approved": [true, null]}')
    assert (execution.status, execution.output) == ("SUCCEEDED", {"approved": [True, None]})
    (entry,) = cloud.gateway.log.of("SendMessage")
    assert entry.role == role_arn("machine-role")


def test_failure_fails_the_task_with_error_and_cause(cloud: Cloud, machines: StepFunctions, queue: str) -> None:
    execution = waiting(cloud, machines, queue)
    send(cloud, "send_task_failure", received(cloud, queue)["token"], error="Refused", cause="not today")
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Refused", "not today")


def test_heartbeats_keep_a_task_alive(cloud: Cloud, machines: StepFunctions, queue: str) -> None:
    execution = waiting(cloud, machines, queue, HeartbeatSeconds=30)
    token = received(cloud, queue)["token"]
    for _ in range(3):
        wait(cloud, 20)
        send(cloud, "send_task_heartbeat", token)
    assert execution.status == "RUNNING"
    wait(cloud, 31)
    assert (execution.status, execution.error) == ("FAILED", "States.Timeout")


@pytest.mark.parametrize("operation", ANSWERS)
def test_a_token_nobody_gave_is_invalid(cloud: Cloud, machines: StepFunctions, operation: str) -> None:
    assert machines.executions == []
    assert refusal(cloud, operation, "made up") == "InvalidToken"


@pytest.mark.parametrize("operation", ANSWERS)
def test_a_token_is_invalid_in_another_account_or_region(
    cloud: Cloud, machines: StepFunctions, queue: str, operation: str
) -> None:
    execution = waiting(cloud, machines, queue)
    token = received(cloud, queue)["token"]
    assert refusal(cloud, operation, token, account=MEMBER) == "InvalidToken"
    assert refusal(cloud, operation, token, region="us-east-1") == "InvalidToken"
    assert execution.status == "RUNNING"


@pytest.mark.parametrize("operation", ANSWERS)
def test_a_token_of_a_task_that_ended_has_timed_out(
    cloud: Cloud, machines: StepFunctions, queue: str, operation: str
) -> None:
    waiting(cloud, machines, queue)
    token = received(cloud, queue)["token"]
    send(cloud, "send_task_success", token)
    assert refusal(cloud, operation, token) == "TaskTimedOut"


def test_a_token_of_a_task_that_timed_out_has_timed_out(cloud: Cloud, machines: StepFunctions, queue: str) -> None:
    execution = waiting(cloud, machines, queue, TimeoutSeconds=30)
    wait(cloud, 30)
    assert execution.error == "States.Timeout"
    assert refusal(cloud, "send_task_success", received(cloud, queue)["token"]) == "TaskTimedOut"


def test_a_token_of_a_stopped_execution_has_timed_out(cloud: Cloud, machines: StepFunctions, queue: str) -> None:
    execution = waiting(cloud, machines, queue)
    with cloud.administering(HUB):
        cloud.client("stepfunctions").stop_execution(executionArn=execution.arn)
    assert refusal(cloud, "send_task_success", received(cloud, queue)["token"]) == "TaskTimedOut"


def test_another_attempt_has_another_token_and_closes_the_first(
    cloud: Cloud, machines: StepFunctions, queue: str
) -> None:
    execution = waiting(cloud, machines, queue, Retry=[{"ErrorEquals": ["Busy"]}])
    first = received(cloud, queue)["token"]
    send(cloud, "send_task_failure", first, error="Busy")
    wait(cloud, 1)
    second = received(cloud, queue)["token"]
    assert refusal(cloud, "send_task_success", first) == "TaskTimedOut"
    send(cloud, "send_task_success", second, output="2")
    assert (execution.status, execution.output) == ("SUCCEEDED", 2)


@pytest.mark.parametrize("output", ["", "{", "NaN", "[1,]"])
def test_an_output_that_is_no_json_is_refused_and_the_task_waits_on(
    cloud: Cloud, machines: StepFunctions, queue: str, output: str
) -> None:
    execution = waiting(cloud, machines, queue)
    token = received(cloud, queue)["token"]
    assert refusal(cloud, "send_task_success", token, output=output) == "InvalidOutput"
    send(cloud, "send_task_success", token)
    assert execution.status == "SUCCEEDED"


def test_a_function_gets_the_token_and_its_answer_is_not_the_result(
    cloud: Cloud, machines: StepFunctions, tmp_path: Path
) -> None:
    body = "import pathlib\npathlib.Path(event['to']).write_text(event['token'])\nreturn 'not the result'"
    function = create_function(cloud, tmp_path, "keep", body)
    kept = tmp_path / "token"
    invoking = {"FunctionName": function, "Payload": {"token": TOKEN, "to": str(kept)}}
    execution = machines.start(create_machine(cloud, task("lambda:invoke.waitForTaskToken", invoking)), {})
    wait(cloud, 10)
    assert execution.status == "RUNNING"
    send(cloud, "send_task_success", kept.read_text(), output='"the result"')
    assert execution.output == "the result"


def test_a_function_that_fails_fails_the_task_though_it_has_a_token(
    cloud: Cloud, machines: StepFunctions, tmp_path: Path
) -> None:
    function = create_function(cloud, tmp_path, "bad", "raise KeyError('them')")
    invoking = task("lambda:invoke.waitForTaskToken", {"FunctionName": function, "Payload": {"token": TOKEN}})
    execution = machines.start(create_machine(cloud, invoking), {})
    wait(cloud, 1)
    assert (execution.status, execution.error) == ("FAILED", "KeyError")


def test_a_function_may_answer_its_own_token_as_its_role(
    cloud: Cloud, iam: Iam, machines: StepFunctions, tmp_path: Path
) -> None:
    Permissions(cloud, iam)
    answering = "boto3.client('stepfunctions').send_task_success(taskToken=event['token'], output='7')"
    function = create_function(cloud, tmp_path, "quick", answering, allow("states:SendTaskSuccess"))
    states = task("lambda:invoke.waitForTaskToken", {"FunctionName": function, "Payload": {"token": TOKEN}})
    execution = machines.start(create_machine(cloud, states, allow("lambda:InvokeFunction", function)), {})
    wait(cloud, 1)
    (entry,) = cloud.gateway.log.of("SendTaskSuccess")
    assert (execution.status, execution.output, entry.resource) == ("SUCCEEDED", 7, "*")


@pytest.mark.parametrize("operation", ANSWERS)
def test_answering_needs_its_permission_on_everything(
    cloud: Cloud, iam: Iam, machines: StepFunctions, operation: str
) -> None:
    Permissions(cloud, iam)
    action = "states:" + "".join(word.capitalize() for word in operation.split("_"))
    output = {"output": "1"} if operation == "send_task_success" else {}
    codes = []
    for number, resource in enumerate((f"{ARN}:stateMachine:machine", "*")):
        with acting(cloud, iam, allow(action, resource), name=f"worker{number}"):
            with pytest.raises(ClientError) as caught:
                getattr(cloud.client("stepfunctions"), operation)(taskToken="made up", **output)
            codes.append((code(caught), action in message(caught)))
    assert machines.executions == []
    assert codes == [("AccessDeniedException", True), ("InvalidToken", False)]


def test_a_message_is_sent_and_its_id_is_the_result(cloud: Cloud, machines: StepFunctions, queue: str) -> None:
    sending = task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"look": "again"}})
    execution = machines.start(create_machine(cloud, sending), {})
    wait(cloud, 1)
    assert execution.status == "SUCCEEDED"
    assert execution.output["MessageId"]
    assert received(cloud, queue) == {"look": "again"}


def test_a_notice_is_published_and_waits_for_its_token(cloud: Cloud, machines: StepFunctions, queue: str) -> None:
    with cloud.administering(HUB):
        topic = cloud.client("sns").create_topic(Name="approvals")["TopicArn"]
        cloud.client("sns").subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{HUB}:tokens",
            Attributes={"RawMessageDelivery": "true"},
        )
    once = machines.start(create_machine(cloud, task("sns:publish", {"TopicArn": topic, "Message": {"n": 1}})), {})
    wait(cloud, 1)
    assert (once.status, received(cloud, queue)) == ("SUCCEEDED", {"n": 1})
    asking = task("sns:publish.waitForTaskToken", {"TopicArn": topic, "Message": {"token": TOKEN}})
    asked = machines.start(create_machine(cloud, asking, name="asking"), {})
    wait(cloud, 1)
    assert asked.status == "RUNNING"
    send(cloud, "send_task_success", received(cloud, queue)["token"], output='"yes"')
    assert (asked.status, asked.output) == ("SUCCEEDED", "yes")


@pytest.mark.parametrize(
    ("resource", "payload"),
    [("states:startExecution", {"n": 1}), ("aws-sdk:sfn:startExecution", "{% $string({'n': 1}) %}")],
)
def test_a_machine_starts_another_and_does_not_wait_for_it(
    cloud: Cloud, iam: Iam, machines: StepFunctions, resource: str, payload: Any
) -> None:
    Permissions(cloud, iam)
    other = create_machine(cloud, PAUSE, name="other")
    starting = task(resource, {"StateMachineArn": other, "Name": "once", "Input": payload})
    first = machines.start(create_machine(cloud, starting, allow("states:StartExecution", other)), {})
    wait(cloud, 1)
    started = machines.executions[-1]
    assert first.output["ExecutionArn"] == started.arn == f"{ARN}:execution:other:once"
    assert (first.status, started.status, started.input) == ("SUCCEEDED", "RUNNING", {"n": 1})
    (entry,) = cloud.gateway.log.of("StartExecution")
    assert (entry.role, entry.resource) == (role_arn("machine-role"), other)


@pytest.mark.parametrize(
    ("resource", "more", "error"),
    [
        ("states:startExecution", {"Name": "taken"}, "StepFunctions.ExecutionAlreadyExistsException"),
        ("aws-sdk:sfn:startExecution", {"Name": "taken"}, "Sfn.ExecutionAlreadyExistsException"),
        ("aws-sdk:sfn:startExecution", {"Name": "no name"}, "Sfn.InvalidNameException"),
        ("aws-sdk:sfn:startExecution", {"Input": {"not": "text"}}, "Sfn.SdkClientException"),
        (
            "states:startExecution",
            {"StateMachineArn": f"{ARN}:stateMachine:no"},
            "StepFunctions.AWSStepFunctionsException",
        ),
    ],
)
def test_a_start_that_fails_has_the_name_aws_gives_it(
    cloud: Cloud, iam: Iam, machines: StepFunctions, resource: str, more: dict[str, Any], error: str
) -> None:
    Permissions(cloud, iam)
    other = create_machine(cloud, PAUSE, name="other")
    machines.start(other, {"n": 1}, "taken")
    starting = task(resource, {"StateMachineArn": other, **more})
    execution = machines.start(create_machine(cloud, starting, allow("states:StartExecution", other)), {})
    wait(cloud, 1)
    assert (execution.status, execution.error) == ("FAILED", error)


def test_a_machine_stops_another(cloud: Cloud, iam: Iam, machines: StepFunctions) -> None:
    Permissions(cloud, iam)
    other = machines.start(create_machine(cloud, PAUSE, name="other"), {})
    stopping = task("aws-sdk:sfn:stopExecution", {"ExecutionArn": other.arn, "Error": "Stopped"})
    machine = create_machine(cloud, stopping, allow("states:StopExecution", f"{ARN}:execution:other:*"))
    execution = machines.start(machine, {})
    wait(cloud, 1)
    assert (other.status, other.error) == ("ABORTED", "Stopped")
    assert execution.output["StopDate"].startswith("2026-11-24T08:00:0")


@pytest.mark.parametrize(
    ("resource", "arguments", "error"),
    [
        ("aws-sdk:sfn:stopExecution", {"ExecutionArn": f"{ARN}:execution:no:no"}, "Sfn.ExecutionDoesNotExistException"),
        ("sns:publish", {"TopicArn": f"arn:aws:sns:{REGION}:{HUB}:no", "Message": "x"}, "SNS.NotFoundException"),
        (
            "sqs:sendMessage",
            {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{HUB}/no", "MessageBody": "x"},
            "SQS.QueueDoesNotExistException",
        ),
        ("sqs:sendMessage", {"MessageBody": "x"}, "SQS.SdkClientException"),
    ],
)
def test_messages_and_stops_that_fail_are_named_by_their_shape(
    cloud: Cloud, machines: StepFunctions, resource: str, arguments: dict[str, Any], error: str
) -> None:
    execution = machines.start(create_machine(cloud, task(resource, arguments)), {})
    wait(cloud, 1)
    assert (execution.status, execution.error) == ("FAILED", error)


def test_an_error_of_sqs_without_a_shape_has_the_name_users_recorded(
    cloud: Cloud, machines: StepFunctions, queue: str
) -> None:
    sending = task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": "x", "DelaySeconds": 901})
    execution = machines.start(create_machine(cloud, sending), {})
    wait(cloud, 1)
    assert (execution.status, execution.error) == ("FAILED", "SQS.AmazonSQSException")


def test_moto_alone_takes_any_token() -> None:
    with mock_aws():
        alone = boto3.client("stepfunctions", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        alone.send_task_failure(taskToken="made up")
        alone.send_task_heartbeat(taskToken="made up")
        told = alone.send_task_success(taskToken="made up", output="no JSON")
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 200

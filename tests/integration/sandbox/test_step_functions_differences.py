"""More of where the sandbox's Step Functions differs from moto's, and moto alone beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.aws.clock import VirtualClock
from sandbox.aws.gateway import AwsError
from sandbox.aws.services.functions import Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.step_functions import StepFunctions
from sandbox.aws.services.sts import Sts
from sandbox.handlers import FolderHandlers
from tests.integration.sandbox.deployed import create_machine
from tests.integration.sandbox.roles import HUB, code, role_arn, trusting, wait

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aws.cloud import Cloud

PAUSE: dict[str, Any] = {"Pause": {"Type": "Wait", "Seconds": 30, "Next": "Answer"}}
ANSWER: dict[str, Any] = {"Answer": {"Type": "Pass", "Output": {"account": "{% $states.input.id %}"}, "End": True}}


@pytest.fixture
def machines(cloud: Cloud, tmp_path: Path) -> StepFunctions:
    iam = Iam(cloud, propagation_seconds=0.0)
    Sts(cloud, iam)
    return StepFunctions(cloud, Functions(cloud, FolderHandlers(tmp_path), {}))


def api(cloud: Cloud, operation: str, **parameters: Any) -> Any:
    with cloud.administering(HUB):
        return getattr(cloud.client("stepfunctions"), operation)(**parameters)


def task(resource: str, **arguments: Any) -> dict[str, Any]:
    """A machine of one task."""
    return {"Do": {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True}}


def settle(cloud: Cloud) -> None:
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.run()


def test_an_execution_waits_on_the_clock_and_answers_its_output(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, PAUSE | ANSWER)
    arn = api(cloud, "start_execution", stateMachineArn=machine, input='{"id": "1"}')["executionArn"]
    wait(cloud, 29)
    before = api(cloud, "describe_execution", executionArn=arn)["status"]
    settle(cloud)
    after = api(cloud, "describe_execution", executionArn=arn)

    assert (before, after["status"], json.loads(after["output"])) == ("RUNNING", "SUCCEEDED", {"account": "1"})
    assert (after["stopDate"] - after["startDate"]).total_seconds() == 30


def test_moto_alone_runs_nothing() -> None:
    with mock_aws():
        alone = boto3.client("stepfunctions", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
        machine = alone.create_state_machine(name="m", definition=definition, roleArn=role_arn("none"))
        arn = alone.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]
        assert alone.describe_execution(executionArn=arn)["status"] == "RUNNING"


def test_a_call_is_made_in_the_account_the_machine_is_in(cloud: Cloud, machines: StepFunctions) -> None:
    execution = machines.start(create_machine(cloud, task("aws-sdk:sts:getCallerIdentity")), {})
    settle(cloud)

    assert execution.output["Account"] == HUB
    assert execution.output["Arn"] == f"arn:aws:sts::{HUB}:assumed-role/machine-role/states"


def test_a_role_that_does_not_trust_step_functions_runs_nothing(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, ANSWER)
    with cloud.administering(HUB):
        trust = trusting({"Service": "lambda.amazonaws.com"})
        cloud.client("iam").update_assume_role_policy(RoleName="machine-role", PolicyDocument=trust)
    with pytest.raises(AwsError, match=r"states\.amazonaws\.com is not authorized to perform: sts:AssumeRole"):
        machines.start(machine, {})


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (task("dynamodb:getItem", TableName="none", Key={"pk": {"S": "x"}}), "DynamoDB.ResourceNotFoundException"),
        (task("aws-sdk:iam:getRole", RoleName="none"), "Iam.NoSuchEntityException"),
        (task("aws-sdk:iam:getRole"), "Iam.SdkClientException"),
        (
            task("lambda:invoke", FunctionName=f"arn:aws:lambda:eu-west-1:{HUB}:function:none"),
            "Lambda.ResourceNotFoundException",
        ),
    ],
)
def test_errors_are_named_as_step_functions_names_them(
    cloud: Cloud, machines: StepFunctions, failing: dict[str, Any], error: str
) -> None:
    execution = machines.start(create_machine(cloud, failing), {})
    settle(cloud)

    assert (execution.status, execution.error) == ("FAILED", error)


def test_a_name_step_functions_does_not_take_is_refused(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, ANSWER)
    with pytest.raises(ClientError) as caught:
        api(cloud, "start_execution", stateMachineArn=machine, name="x" * 81)
    assert (code(caught), machines.executions) == ("InvalidName", [])


def test_a_changed_definition_counts_from_the_next_execution_on(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, PAUSE | ANSWER)
    before = machines.start(machine, {"id": "old"})
    states = {"Other": {"Type": "Pass", "Output": "new", "End": True}}
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Other", "States": states})
    api(cloud, "update_state_machine", stateMachineArn=machine, definition=definition)
    after = machines.start(machine, {})
    settle(cloud)

    assert (before.output, after.output) == ({"account": "old"}, "new")

"""Where the sandbox's Step Functions differs from moto's: executions run, on the clock, as the machine's role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.clock import VirtualClock
from sandbox.gateway import AwsError
from sandbox.services.functions import Functions
from sandbox.services.iam import Iam
from sandbox.services.step_functions import StepFunctions
from sandbox.services.sts import Sts
from tests.integration.sandbox.world_of_roles import HUB, code, create_role, trusting, wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.cloud import Cloud

ROLE = f"arn:aws:iam::{HUB}:role/machine"
CALL = "arn:aws:states:::"
WAITING: dict[str, Any] = {"Type": "Wait", "Seconds": 30}


@pytest.fixture
def service(cloud: Cloud, tmp_path: Path) -> StepFunctions:
    Sts(cloud, Iam(cloud))
    return StepFunctions(cloud, Functions(cloud, tmp_path, {}))


@pytest.fixture
def ask(cloud: Cloud) -> Callable[..., Any]:
    """One call of an administrator of the hub."""

    def call(operation: str, **given: Any) -> Any:
        with cloud.administering(HUB):
            return getattr(cloud.client("stepfunctions"), operation)(**given)

    return call


def define(*states: dict[str, Any]) -> str:
    """A machine of these states, one after the other."""
    names = [f"S{number}" for number in range(len(states))]
    ways: list[dict[str, Any]] = [{"Next": name} for name in names[1:]] + [{"End": True}]
    linked = {name: {**state, **way} for name, state, way in zip(names, states, ways, strict=True)}
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "S0", "States": linked})


def create(cloud: Cloud, *states: dict[str, Any], trusted: str = "states.amazonaws.com") -> str:
    """A deployed machine; its ARN."""
    create_role(cloud, "machine", trust=trusting({"Service": trusted}))
    with cloud.administering(HUB):
        client = cloud.client("stepfunctions")
        made = client.create_state_machine(name="machine", definition=define(*states), roleArn=ROLE)
    return str(made["stateMachineArn"])


def task(resource: str, **arguments: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": CALL + resource, "Arguments": arguments}


def settle(cloud: Cloud) -> None:
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.run()


def test_an_execution_runs_on_the_clock_and_answers_its_output(
    cloud: Cloud, service: StepFunctions, ask: Callable[..., Any]
) -> None:
    machine = create(cloud, WAITING, {"Type": "Pass", "Output": {"account": "{% $states.input.id %}"}})
    arn = ask("start_execution", stateMachineArn=machine, input='{"id": "1"}')["executionArn"]
    wait(cloud, 29)
    before = ask("describe_execution", executionArn=arn)["status"]
    settle(cloud)
    after = ask("describe_execution", executionArn=arn)

    assert (before, after["status"], json.loads(after["output"])) == ("RUNNING", "SUCCEEDED", {"account": "1"})
    assert (after["stopDate"] - after["startDate"]).total_seconds() == 30
    assert len(service.executions) == 1


def test_moto_alone_runs_nothing() -> None:
    with mock_aws():
        alone = boto3.client("stepfunctions", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        definition = define({"Type": "Pass"})
        machine = alone.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
        arn = alone.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
        assert alone.describe_execution(executionArn=arn)["status"] == "RUNNING"


def test_a_call_is_made_as_the_machines_role_in_its_own_account(cloud: Cloud, service: StepFunctions) -> None:
    execution = service.start(create(cloud, task("aws-sdk:sts:getCallerIdentity")), {})
    settle(cloud)

    assert execution.output["Account"] == HUB
    assert execution.output["Arn"] == f"arn:aws:sts::{HUB}:assumed-role/machine/states"


def test_a_role_that_does_not_trust_step_functions_runs_nothing(cloud: Cloud, service: StepFunctions) -> None:
    machine = create(cloud, {"Type": "Pass"}, trusted="lambda.amazonaws.com")
    with pytest.raises(AwsError, match=r"states\.amazonaws\.com is not authorized to perform: sts:AssumeRole"):
        service.start(machine, {})


def test_answers_have_names_with_a_capital_and_times_as_text(cloud: Cloud, service: StepFunctions) -> None:
    machine = f"arn:aws:states:eu-west-1:{HUB}:stateMachine:machine"
    describing = task("aws-sdk:sfn:describeStateMachine", StateMachineArn=machine)
    execution = service.start(create(cloud, describing), {})
    settle(cloud)

    assert execution.output["StateMachineArn"] == machine
    assert isinstance(execution.output["CreationDate"], str)


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (task("dynamodb:getItem", TableName="none", Key={"pk": {"S": "x"}}), "DynamoDB.ResourceNotFoundException"),
        (task("aws-sdk:iam:getRole", RoleName="none"), "Iam.NoSuchEntityException"),
        (task("aws-sdk:dynamodb:getItem", TableName="none"), "Dynamodb.SdkClientException"),
        (task("lambda:invoke", FunctionName=f"arn:aws:lambda:eu-west-1:{HUB}:function:none"),
         "Lambda.ResourceNotFoundException"),
    ],
)  # fmt: skip
def test_errors_are_named_as_step_functions_names_them(
    cloud: Cloud, service: StepFunctions, failing: dict[str, Any], error: str
) -> None:
    execution = service.start(create(cloud, failing), {})
    settle(cloud)

    assert (execution.status, execution.error) == ("FAILED", error)


def test_a_name_used_before_starts_nothing_anew(cloud: Cloud, service: StepFunctions, ask: Callable[..., Any]) -> None:
    machine = create(cloud, WAITING)
    same: dict[str, Any] = {"stateMachineArn": machine, "name": "one", "input": '{"a": 1}'}
    first, again = ask("start_execution", **same), ask("start_execution", **same)
    with pytest.raises(ClientError) as other_input:
        ask("start_execution", **same | {"input": "{}"})
    settle(cloud)
    with pytest.raises(ClientError) as afterwards:
        ask("start_execution", **same)

    assert first["executionArn"] == again["executionArn"]
    assert [code(other_input), code(afterwards)] == ["ExecutionAlreadyExists"] * 2
    assert len(service.executions) == 1


def test_an_execution_without_a_name_gets_one_of_its_own(cloud: Cloud, service: StepFunctions) -> None:
    machine = create(cloud, {"Type": "Pass"})
    assert service.start(machine, {}).name != service.start(machine, {}).name


def test_a_name_step_functions_does_not_take_is_refused(
    cloud: Cloud, service: StepFunctions, ask: Callable[..., Any]
) -> None:
    machine = create(cloud, {"Type": "Pass"})
    with pytest.raises(ClientError) as caught:
        ask("start_execution", stateMachineArn=machine, name="x" * 81)
    assert (code(caught), service.executions) == ("InvalidName", [])


def test_an_event_delivered_twice_starts_one_execution(cloud: Cloud, service: StepFunctions) -> None:
    machine = create(cloud, {"Type": "Pass"})
    for _ in range(2):
        service.start_from_event(machine, None, {"id": "7bf73129-1428-4cd3-a780-95db273d1602"})
        settle(cloud)

    (execution,) = service.executions
    assert execution.name.startswith("7bf73129-1428-4cd3-a780-95db273d1602_")


def test_a_changed_definition_counts_from_the_next_execution_on(
    cloud: Cloud, service: StepFunctions, ask: Callable[..., Any]
) -> None:
    machine = create(cloud, WAITING, {"Type": "Pass", "Output": "old"})
    before = service.start(machine, {})
    ask("update_state_machine", stateMachineArn=machine, definition=define({"Type": "Pass", "Output": "new"}))
    after = service.start(machine, {})
    settle(cloud)

    assert (before.output, after.output) == ("old", "new")


def test_executions_are_stopped_and_listed_by_status_the_latest_first(
    cloud: Cloud, service: StepFunctions, ask: Callable[..., Any]
) -> None:
    machine = create(cloud, WAITING)
    for name in ("one", "two", "three"):
        service.start(machine, {}, name)
    two = f"{machine.replace(':stateMachine:', ':execution:')}:two"
    ask("stop_execution", executionArn=two, error="Enough", cause="asked for")
    settle(cloud)
    done = ask("list_executions", stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
    stopped = ask("describe_execution", executionArn=two)

    assert [each["name"] for each in done] == ["three", "one"]
    assert (stopped["status"], stopped["error"], stopped["cause"]) == ("ABORTED", "Enough", "asked for")

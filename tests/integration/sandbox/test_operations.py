"""What a template declares for operation, deployed and at work."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aws.services.cloudformation import CloudFormation
from tests.conftest import START
from tests.integration.sandbox.operations import attributes_of

if TYPE_CHECKING:
    from tests.integration.sandbox.operations import Operations

BODY = (Path(__file__).parent / "templates/operations.yaml").read_text(encoding="utf-8")
TELLING = {
    "StackName": "operations",
    "TemplateBody": BODY,
    "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
}


def deploy(operations: Operations, operation: str = "create_stack", email: str = "ops@example.com") -> None:
    parameters = [{"ParameterKey": "Email", "ParameterValue": email}]
    operations("cloudformation", operation, Parameters=parameters, **TELLING)


@pytest.fixture
def deployed(operations: Operations, tmp_path: Path) -> Operations:
    """The template, with a function that fails."""
    CloudFormation(operations.cloud)
    (tmp_path / "sweep.py").write_text(
        "def handler(event, context):\n    print(event['at'])\n    raise LookupError('nobody')\n"
    )
    deploy(operations)
    return operations


def subjects(operations: Operations) -> list[str]:
    return [mail.subject for mail in operations.sns.outbox]


def test_everything_arrives_as_it_was_declared(deployed: Operations) -> None:
    schedule = deployed("scheduler", "get_schedule", Name="sweep")
    assert schedule["ScheduleExpression"] == "cron(0 * * * ? *)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600}
    assert schedule["Target"]["DeadLetterConfig"]["Arn"]
    config = deployed("lambda", "get_function_event_invoke_config", FunctionName="sweep")
    assert config["MaximumRetryAttempts"] == 1
    assert config["DestinationConfig"]["OnFailure"]["Destination"].endswith(":failed")
    (alarm,) = deployed("cloudwatch", "describe_alarms", AlarmNames=["failures"])["MetricAlarms"]
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (1, 3, "notBreaching")
    assert len(alarm["AlarmActions"]) == len(alarm["OKActions"]) == len(alarm["InsufficientDataActions"]) == 1


def test_a_schedule_of_sam_runs_its_function_whose_failure_is_kept_and_alarms(deployed: Operations) -> None:
    deployed.wait(3_600 + 600)
    assert list(deployed.functions.log.lines) == ["2026-11-24T09:00:00Z"] * 2
    assert 'ALARM: "letters" in EU (Ireland)' in subjects(deployed)
    queues = {name: f"arn:aws:sqs:eu-west-1:444455556666:{name}" for name in ("failed", "dead-letters")}
    (record,) = deployed.messages(queues["failed"])
    assert json.loads(record["Body"])["requestPayload"] == {"at": "2026-11-24T09:00:00Z"}
    (letter,) = deployed.messages(queues["dead-letters"])
    assert attributes_of(letter)["ErrorMessage"] == "nobody"


def test_a_schedule_of_sam_starts_its_machine_whose_failure_is_mailed_and_calms_down(deployed: Operations) -> None:
    deployed.wait(30 * 60 + 600)
    (execution,) = deployed.machines.executions
    assert execution.started == START + timedelta(minutes=30)
    told = [json.loads(mail.text) for mail in deployed.sns.outbox if json.loads(mail.text)["AlarmName"] == "failures"]
    assert [each["NewStateValue"] for each in told] == ["OK", "ALARM", "OK"]
    assert told[1]["AlarmDescription"] == "An execution failed."


def test_an_update_changes_the_subscribers(deployed: Operations) -> None:
    deploy(deployed, "update_stack", email="others@example.com")
    deployed.wait(60)
    assert {mail.endpoint for mail in deployed.sns.outbox} == {"others@example.com"}
    told = len(deployed.sns.outbox)
    deploy(deployed, "update_stack", email="")
    given: dict[str, Any] = {"AlarmName": "failures", "StateValue": "ALARM", "StateReason": "trying"}
    deployed("cloudwatch", "set_alarm_state", **given)
    assert len(deployed.sns.outbox) == told


def test_a_deleted_stack_is_silent(deployed: Operations) -> None:
    deployed("cloudformation", "delete_stack", StackName="operations")
    deployed.wait(24 * 3_600)
    assert deployed.machines.executions == []
    assert list(deployed.functions.log.lines) == []
    assert deployed.alarms.states() == []

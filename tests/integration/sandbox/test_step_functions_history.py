"""What GetExecutionHistory tells of an execution: every attempt of every state, with its time and its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aws.permissions import Permissions
from sandbox.aws.services.functions import Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.step_functions import StepFunctions
from sandbox.aws.services.sts import Sts
from sandbox.handlers import FolderHandlers
from tests.integration.sandbox.deployed import create_machine
from tests.integration.sandbox.roles import HUB, allow, wait

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aws.cloud import Cloud

GET: dict[str, Any] = {
    "Type": "Task",
    "Resource": "arn:aws:states:::dynamodb:getItem",
    "Arguments": {"TableName": "nowhere", "Key": {}},
    "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 1, "JitterStrategy": "NONE"}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Rest"}],
    "Next": "Rest",
}
REST: dict[str, Any] = {"Type": "Wait", "Seconds": 60, "End": True}
ASK: dict[str, Any] = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity", "Arguments": {}}


@pytest.fixture
def machines(cloud: Cloud, tmp_path: Path) -> StepFunctions:
    iam = Iam(cloud, propagation_seconds=0.0)
    Sts(cloud, iam)
    Permissions(cloud, iam)
    return StepFunctions(cloud, Functions(cloud, FolderHandlers(tmp_path), {}))


def history(cloud: Cloud, execution_arn: str, **options: Any) -> list[dict[str, Any]]:
    with cloud.administering(HUB):
        client = cloud.client("stepfunctions")
        found: list[dict[str, Any]] = client.get_execution_history(executionArn=execution_arn, **options)["events"]
    return found


def test_a_history_has_every_attempt_and_the_end(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, {"Get": GET, "Rest": REST}, allow("s3:ListBucket"))
    execution = machines.start(machine, {"n": 1})
    wait(cloud, 120)
    found = history(cloud, execution.arn)
    assert [each["type"] for each in found] == [
        "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "TaskScheduled",
        "TaskStarted", "TaskFailed", "TaskStateExited", "WaitStateEntered", "WaitStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert "is not authorized" in found[4]["taskFailedEventDetails"]["cause"]
    assert (found[5]["timestamp"] - found[4]["timestamp"]).total_seconds() == 5
    assert found[2]["taskScheduledEventDetails"]["resource"] == "getItem"
    assert found[0]["executionStartedEventDetails"]["input"] == '{"n": 1}'


def test_events_of_two_iterations_are_told_apart(cloud: Cloud, machines: StepFunctions) -> None:
    inside = {"StartAt": "Ask", "States": {"Ask": {**ASK, "Next": "Pause"}, "Pause": REST}}
    each = {"Type": "Map", "Items": [1, 2], "ItemProcessor": inside, "End": True}
    machine = create_machine(cloud, {"Each": each})
    execution = machines.start(machine, {})
    wait(cloud, 120)
    found = {each["id"]: each for each in history(cloud, execution.arn)}
    ends = [each for each in found.values() if each["type"] == "WaitStateExited"]
    assert len(ends) == 2
    for end in ends:
        kinds, before = [], end["previousEventId"]
        while before:
            kinds.append(found[before]["type"])
            before = found[before]["previousEventId"]
        assert kinds.count("TaskSucceeded") == kinds.count("MapIterationStarted") == 1
        assert kinds[-1] == "ExecutionStarted"


def test_a_history_comes_in_pages_and_in_either_order(cloud: Cloud, machines: StepFunctions) -> None:
    machine = create_machine(cloud, {"Rest": REST})
    execution = machines.start(machine, {})
    wait(cloud, 120)
    with cloud.administering(HUB):
        pages = cloud.client("stepfunctions").get_paginator("get_execution_history")
        read = pages.paginate(executionArn=execution.arn, PaginationConfig={"PageSize": 3})
        numbers = [[each["id"] for each in page["events"]] for page in read]
    assert numbers == [[1, 2, 3], [4]]
    assert [each["id"] for each in history(cloud, execution.arn, reverseOrder=True)] == [4, 3, 2, 1]

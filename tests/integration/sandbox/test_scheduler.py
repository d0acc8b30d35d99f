"""Schedules that fire, each at its times and as its role."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.aws.gateway import AwsError
from tests.conftest import START
from tests.integration.sandbox.deployed import REGION, create_function, create_machine
from tests.integration.sandbox.operations import attributes_of
from tests.integration.sandbox.roles import HUB, acting, allow, code, create_role, put, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.sandbox.operations import Operations
    from tests.integration.sandbox.roles import Statement

GROUP = f"arn:aws:scheduler:{REGION}:{HUB}:schedule-group/default"
SCHEDULE = f"arn:aws:scheduler:{REGION}:{HUB}:schedule/default/sweep"
ALWAYS = "cron(0/10 * * * ? *)"  # START is 8:00: the first time is 8:10
OFF = {"Mode": "OFF"}
SERVICE = {"Service": "scheduler.amazonaws.com"}


def role(operations: Operations, *statements: Statement, trust: str = "") -> str:
    return create_role(operations.cloud, "schedule", statements, trust or trusting(SERVICE))


def schedule(operations: Operations, target: dict[str, Any], expression: str = ALWAYS, **more: Any) -> None:
    given = {"Name": "sweep", "FlexibleTimeWindow": OFF, **more}
    operations("scheduler", "create_schedule", ScheduleExpression=expression, Target=target, **given)


@pytest.fixture
def function(operations: Operations, tmp_path: Path) -> str:
    return create_function(operations.cloud, tmp_path, "sweep", "print(event)")


@pytest.fixture
def target(operations: Operations, function: str) -> dict[str, Any]:
    return {"Arn": function, "RoleArn": role(operations, allow("lambda:InvokeFunction", function)), "Input": '{"n": 1}'}


@pytest.fixture
def throttled(operations: Operations) -> Iterator[list[int]]:
    """So many more invocations are refused; their number may be changed."""
    left = [0]

    def refuse(call: Any) -> None:
        if call.operation == "Invoke" and left[0]:
            left[0] -= 1
            raise AwsError("TooManyRequestsException", "Rate Exceeded.")

    operations.cloud.gateway.before.append(refuse)
    yield left
    operations.cloud.gateway.before.remove(refuse)


def fired(operations: Operations) -> int:
    return int(operations.metrics.sum("AWS/Scheduler", "InvocationAttemptCount", ScheduleGroup="default"))


def test_a_schedule_invokes_its_function_at_its_times_with_its_input(
    operations: Operations, target: dict[str, Any]
) -> None:
    schedule(operations, target)
    operations.wait(599)
    assert fired(operations) == 0
    operations.wait(1_201)
    assert list(operations.functions.log.lines) == ["{'n': 1}"] * 3


def test_a_schedule_keeps_nobody_waiting(operations: Operations, target: dict[str, Any]) -> None:
    schedule(operations, target)
    operations.run()
    assert fired(operations) == 0
    assert operations.cloud.clock.now() == START


def test_moto_alone_keeps_schedules_that_never_fire() -> None:
    with mock_aws():
        session = boto3.Session("a", "b", region_name=REGION)
        queue = session.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        session.client("scheduler").create_schedule(
            Name="now",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:sqs:eu-west-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"},
        )
        assert "Messages" not in session.client("sqs").receive_message(QueueUrl=queue)


def test_a_schedule_starts_a_state_machine_and_fills_in_its_context(operations: Operations) -> None:
    machine = create_machine(operations.cloud, {"Done": {"Type": "Succeed"}})
    text = json.dumps(
        {
            "scheduled": "<aws.scheduler.scheduled-time>",
            "id": "<aws.scheduler.execution-id>",
            "schedule": "<aws.scheduler.schedule-arn>",
            "attempt": "<aws.scheduler.attempt-number>",
        }
    )
    starts = role(operations, allow("states:StartExecution", machine))
    schedule(operations, {"Arn": machine, "RoleArn": starts, "Input": text})
    operations.wait(1_200)
    first, second = [execution.input for execution in operations.machines.executions]
    assert (first["scheduled"], first["schedule"], first["attempt"]) == ("2026-11-24T08:10:00Z", SCHEDULE, "1")
    assert first["id"] != second["id"]
    (entry, _) = operations.cloud.gateway.log.of("StartExecution")
    assert entry.role == starts


def test_a_rate_counts_from_the_schedules_creation_and_begins_at_once(
    operations: Operations, target: dict[str, Any]
) -> None:
    operations.wait(200)
    schedule(operations, target, "rate(1 hour)")
    operations.wait(1)
    assert fired(operations) == 1
    operations.wait(3_598)
    assert fired(operations) == 1
    operations.wait(1)
    assert fired(operations) == 2


def test_a_rate_begins_at_its_start_date_and_ends_at_its_end_date(
    operations: Operations, target: dict[str, Any]
) -> None:
    bounds = {"StartDate": START + timedelta(minutes=90), "EndDate": START + timedelta(minutes=210)}
    schedule(operations, target, "rate(1 hour)", **bounds)
    operations.wait(89 * 60)
    assert fired(operations) == 0
    operations.wait(24 * 3_600)
    assert fired(operations) == 3


def test_a_schedule_of_one_time_fires_once_and_goes_if_it_is_asked_to(
    operations: Operations, target: dict[str, Any]
) -> None:
    schedule(operations, target, "at(2026-11-24T12:00:00)", ActionAfterCompletion="DELETE")
    operations.wait(24 * 3_600)
    assert fired(operations) == 1
    with pytest.raises(ClientError) as caught:
        operations("scheduler", "get_schedule", Name="sweep")
    assert code(caught) == "ResourceNotFoundException"


def test_in_a_flexible_window_a_schedule_fires_at_the_same_moment_for_the_same_seed(
    operations: Operations, target: dict[str, Any]
) -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30}
    schedule(operations, target, "cron(0 9 * * ? *)", FlexibleTimeWindow=window)
    (first,) = [moment.when for moment in operations.scheduler._due.values()]
    operations("scheduler", "delete_schedule", Name="sweep")
    schedule(operations, target, "cron(0 9 * * ? *)", FlexibleTimeWindow=window)
    (again,) = [moment.when for moment in operations.scheduler._due.values()]
    nine = START + timedelta(hours=1)
    assert nine < first < nine + timedelta(minutes=30)
    assert first == again
    operations.wait(2 * 3_600)
    assert fired(operations) == 1


def test_a_schedule_is_changed_disabled_enabled_and_deleted(operations: Operations, target: dict[str, Any]) -> None:
    def update(**more: Any) -> None:
        given = {"Name": "sweep", "FlexibleTimeWindow": OFF, "Target": target, "ScheduleExpression": ALWAYS, **more}
        operations("scheduler", "update_schedule", **given)

    schedule(operations, target, State="DISABLED")
    operations.wait(3_600)
    assert fired(operations) == 0
    update()  # what an update does not name goes back to its default
    operations.wait(3_600)
    assert fired(operations) == 6
    update(ScheduleExpression="rate(30 minutes)", Target={**target, "Input": '{"n": 2}'})
    operations.wait(3_600)
    assert fired(operations) == 8
    assert operations.functions.log.lines[-1] == "{'n': 2}"
    operations("scheduler", "delete_schedule", Name="sweep")
    operations.wait(3_600)
    assert fired(operations) == 8


def test_with_its_group_a_schedule_goes(operations: Operations, target: dict[str, Any]) -> None:
    operations("scheduler", "create_schedule_group", Name="ours")
    schedule(operations, target, GroupName="ours")
    operations("scheduler", "delete_schedule_group", Name="ours")
    operations.wait(3_600)
    assert operations.metrics.sum("AWS/Scheduler", "InvocationAttemptCount") == 0


def test_a_target_without_input_gets_the_schedule(operations: Operations) -> None:
    queue = operations.queue("ticks")
    schedule(operations, {"Arn": queue, "RoleArn": role(operations, allow("sqs:SendMessage", queue))})
    operations.wait(600)
    (message,) = operations.messages(queue)
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["resources"]) == (
        "aws.scheduler",
        "Scheduled Event",
        [SCHEDULE],
    )


def test_the_role_must_trust_scheduler_for_this_account_and_group(operations: Operations, function: str) -> None:
    may = allow("lambda:InvokeFunction", function)
    conditions = {"StringEquals": {"aws:SourceAccount": HUB, "aws:SourceArn": GROUP}}
    arn = role(operations, may, trust=trusting(SERVICE, **conditions))
    schedule(operations, {"Arn": function, "RoleArn": arn})
    operations.wait(600)
    assert len(operations.functions.log.lines) == 1
    other = trusting(SERVICE, StringEquals={"aws:SourceAccount": "999999999999"})
    operations("iam", "update_assume_role_policy", RoleName="schedule", PolicyDocument=other)
    operations.wait(600)
    assert len(operations.functions.log.lines) == 1
    assert operations.metrics.sum("AWS/Scheduler", "TargetErrorCount") == 1


def test_what_the_role_may_not_do_goes_to_the_dead_letters(operations: Operations, function: str) -> None:
    queue = operations.queue("dead")
    arn = role(operations, allow("sqs:SendMessage", queue))
    target = {"Arn": function, "RoleArn": arn, "Input": '{"n": 1}', "DeadLetterConfig": {"Arn": queue}}
    schedule(operations, target)
    operations.wait(600)
    (message,) = operations.messages(queue)
    told = attributes_of(message)
    assert message["Body"] == '{"n": 1}'
    assert told["ERROR_CODE"] == "AccessDeniedException"
    assert "lambda:InvokeFunction" in told["ERROR_MESSAGE"]
    assert (told["SCHEDULE_ARN"], told["TARGET_ARN"]) == (SCHEDULE, function)
    assert (told["SCHEDULED_TIME"], told["RETRY_ATTEMPTS"]) == ("2026-11-24T08:10:00Z", "0")
    assert told["EXECUTION_ID"]
    assert "EXHAUSTED_RETRY_CONDITION" not in told
    assert operations.metrics.sum("AWS/Scheduler", "InvocationsSentToDeadLetterCount", ScheduleGroup="default") == 1


def test_a_throttled_target_is_tried_again_until_it_works(
    operations: Operations, target: dict[str, Any], throttled: list[int]
) -> None:
    throttled[0] = 3
    schedule(operations, target, "at(2026-11-24T08:10:00)")
    operations.wait(700)
    assert len(operations.functions.log.lines) == 1
    names = ("InvocationAttemptCount", "TargetErrorCount", "TargetErrorThrottledCount", "InvocationDroppedCount")
    counted = [operations.metrics.sum("AWS/Scheduler", name, ScheduleGroup="default") for name in names]
    assert counted == [4, 3, 3, 0]


def test_tries_end_where_the_retry_policy_says(
    operations: Operations, target: dict[str, Any], throttled: list[int]
) -> None:
    throttled[0], queue = 1_000, operations.queue("dead")
    put(operations.cloud, "schedule", allow("lambda:InvokeFunction"), allow("sqs:SendMessage", queue))
    put_aside = {"DeadLetterConfig": {"Arn": queue}}
    schedule(operations, {**target, **put_aside, "RetryPolicy": {"MaximumRetryAttempts": 2}}, "at(2026-11-24T08:10:00)")
    operations.wait(3_600)
    policy = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 60}
    schedule(operations, {**target, **put_aside, "RetryPolicy": policy}, "at(2026-11-24T09:10:00)", Name="second")
    operations.wait(3_600)
    told = [attributes_of(message) for message in operations.messages(queue)]
    assert [(each["EXHAUSTED_RETRY_CONDITION"], each["RETRY_ATTEMPTS"]) for each in told] == [
        ("MaximumRetryAttempts", "2"),
        ("MaximumEventAgeInSeconds", "5"),
    ]
    assert operations.metrics.sum("AWS/Scheduler", "InvocationDroppedCount") == 2


def test_dead_letters_need_the_roles_permission(operations: Operations, function: str) -> None:
    queue = operations.queue("dead")
    target = {"Arn": function, "RoleArn": role(operations), "DeadLetterConfig": {"Arn": queue}}
    schedule(operations, target, "at(2026-11-24T08:10:00)")
    operations.wait(600)
    assert operations.messages(queue) == []
    assert operations.metrics.sum("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount") == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"expression": "cron(0 9 15W * ? *)"}, "Invalid Schedule Expression"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes"),
    ],
)
def test_a_schedule_that_could_not_fire_is_refused(
    operations: Operations, target: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        schedule(operations, target, **more)
    assert code(caught) == "ValidationException"


def test_a_target_nobody_here_reaches_is_refused(operations: Operations, target: dict[str, Any]) -> None:
    universal = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    with pytest.raises(ClientError, match="the sandbox's schedules reach"):
        schedule(operations, {**target, "Arn": universal})


def test_a_role_that_changes_a_schedule_passes_the_schedules_role(
    operations: Operations, target: dict[str, Any]
) -> None:
    schedule(operations, target)
    given = {"Name": "sweep", "FlexibleTimeWindow": OFF, "Target": target, "ScheduleExpression": "rate(1 day)"}
    with acting(
        operations.cloud, operations.iam, allow(["scheduler:GetSchedule", "scheduler:UpdateSchedule"], SCHEDULE)
    ):
        client: Any = operations.cloud.client("scheduler")
        assert client.get_schedule(Name="sweep")["ScheduleExpression"] == ALWAYS
        with pytest.raises(ClientError, match=f"iam:PassRole on resource: {target['RoleArn']}"):
            client.update_schedule(**given)
